import type { Log } from '@posthorn/mail'
import { type Account, type AccountId, OwnTurn, type Store, StoreError, type Wake } from '@posthorn/storage'
import { endOf, type LoginEnd } from './login-end.ts'
import { type LoginChoice, type LoginRow, loginChooser, sumOfLogins } from './login-rows.ts'

/** A session in which somebody has logged in. */
export interface Login {
  /** As it was when the password was looked at. */
  readonly account: Account
  /** SASL's name, upper case. */
  readonly mechanism: string
  /** `imap`, `pop3`, `smtp`, `submission` …. */
  readonly protocol: string
  /** IPv4 or IPv6 in text. */
  readonly clientAddress: string
  /** ms since 1970. */
  readonly sinceMs: number
  /** Ends the session once what is under way is answered. May be told again. */
  end(why: LoginEnd): void
}

/** The sessions of this process in which somebody has logged in. */
export interface Logins {
  /** Called once somebody has logged in; returns what to call when the session ends or is somebody else's. */
  enter(login: Login): () => void
  /** By account, protocol and address. */
  list(choice: LoginChoice): Promise<readonly LoginRow[]>
  /** Ends those chosen. Resolves with how many there were. */
  kick(choice: LoginChoice): Promise<number>
  close(): void
}

/** A wake-up that is lost costs this much latency. */
const lookAgainMs = 60_000

/**
 * Ends sessions whose account was disabled, removed, renamed or given a new password, by whichever process. Nothing is
 * asked while they run: a change of an account wakes the check of that account, one that names none that of all, in
 * turns of its own.
 */
export function createLogins(parts: { readonly store: Store; readonly log: Log }): Logins {
  return new OpenLogins(parts)
}

class OpenLogins implements Logins {
  readonly #store: Store
  readonly #log: Log
  readonly #byAccount = new Map<AccountId, Set<Login>>()
  /** To be looked at. */
  readonly #suspect = new Set<AccountId>()
  #checking = false
  readonly #unwatch: () => void
  readonly #timer: NodeJS.Timeout

  constructor({ store, log }: { readonly store: Store; readonly log: Log }) {
    this.#store = store
    this.#log = log
    this.#unwatch = store.watch((wake) => this.#heard(wake))
    this.#timer = setInterval(() => this.#suspectAll(), lookAgainMs).unref()
  }

  enter(login: Login): () => void {
    const { id } = login.account
    const same = this.#byAccount.get(id)
    if (same === undefined) this.#byAccount.set(id, new Set([login]))
    else same.add(login)
    // It may have changed while the password was looked at: that wake-up found nobody here.
    this.#suspectOne(id)
    return () => this.#leave(login)
  }

  async list(choice: LoginChoice): Promise<readonly LoginRow[]> {
    return sumOfLogins(await this.#chosen(choice))
  }

  async kick(choice: LoginChoice): Promise<number> {
    const chosen = await this.#chosen(choice)
    const turn = new OwnTurn()
    for (const login of chosen) {
      this.#end(login, 'kicked')
      await turn.pass()
    }
    return chosen.length
  }

  close(): void {
    clearInterval(this.#timer)
    this.#unwatch()
    this.#suspect.clear()
  }

  #leave(login: Login): void {
    const same = this.#byAccount.get(login.account.id)
    if (same?.delete(login) && same.size === 0) this.#byAccount.delete(login.account.id)
  }

  async #chosen(choice: LoginChoice): Promise<readonly Login[]> {
    const isChosen = loginChooser(choice)
    const turn = new OwnTurn()
    const found: Login[] = []
    for (const same of [...this.#byAccount.values()]) {
      for (const login of same) if (isChosen(login)) found.push(login)
      await turn.pass()
    }
    return found
  }

  #heard(wake: Wake): void {
    if (wake.kind !== 'accounts') return
    if (wake.account === undefined) this.#suspectAll()
    else if (this.#byAccount.has(wake.account)) this.#suspectOne(wake.account)
  }

  #suspectAll(): void {
    for (const id of this.#byAccount.keys()) this.#suspect.add(id)
    this.#begin()
  }

  #suspectOne(id: AccountId): void {
    this.#suspect.add(id)
    this.#begin()
  }

  /** Later: whoever changed the account waits for its own answer first. */
  #begin(): void {
    if (this.#checking || this.#suspect.size === 0) return
    this.#checking = true
    setImmediate(() => void this.#check())
  }

  async #check(): Promise<void> {
    const turn = new OwnTurn()
    try {
      // Those that become suspect meanwhile come at the end of the set.
      for (const id of this.#suspect) {
        this.#suspect.delete(id)
        const now = await this.#store.accounts.get(id)
        // Who logs in from here on is looked at by himself.
        for (const login of [...(this.#byAccount.get(id) ?? [])]) {
          const why = endOf(login.account, login.mechanism, now)
          if (why !== undefined) this.#end(login, why)
        }
        await turn.pass()
      }
    } catch (error) {
      if (!(error instanceof StoreError && error.kind === 'closed'))
        this.#log({ level: 'error', service: 'auth', text: 'cannot look at open sessions', error })
    } finally {
      this.#checking = false
    }
  }

  #end(login: Login, why: LoginEnd): void {
    try {
      login.end(why)
    } catch (error) {
      const text = `cannot end a session of ${login.account.address}`
      this.#log({ level: 'error', service: 'auth', text, error })
    }
  }
}
