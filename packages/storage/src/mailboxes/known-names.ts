import type { NamedMailbox } from '../contract.ts'
import { keyAfter, keyOf32, tables } from '../kv/keys.ts'
import type { Reader } from '../kv/unit.ts'
import { readNamesVersion } from '../rows/mailbox-row.ts'
import { compareNames } from './names.ts'

/** Of two of the largest accounts. */
const usualMaxNames = 20_000

export interface KnownName {
  readonly name: string
  readonly id: number
  /** undefined: not read yet. */
  mailbox: NamedMailbox | undefined
}

export interface AccountNames {
  readonly version: string
  /** INBOX first. */
  readonly names: readonly KnownName[]
  /** INBOX first. */
  readonly subscriptions: readonly string[]
  readonly subscribed: ReadonlySet<string>
}

/** The names of accounts' mailboxes, as long as no process changes any of them: clients ask for them again and again. */
export class KnownNames {
  readonly #accounts = new Map<number, AccountNames>()
  readonly #maxNames: number
  #count = 0

  /** @param maxNames of all accounts together, subscriptions included */
  constructor(maxNames = usualMaxNames) {
    this.#maxNames = maxNames
  }

  of(reader: Reader, account: number): AccountNames {
    const version = readNamesVersion(reader, account)
    const known = this.#accounts.get(account)
    if (known?.version === version) return known
    const subscriptions = subscribedNames(reader, account)
    const read = {
      version,
      names: namesOf(reader, account),
      subscriptions,
      subscribed: new Set(subscriptions),
    }
    this.#keep(account, read, known)
    return read
  }

  #keep(account: number, read: AccountNames, former: AccountNames | undefined): void {
    this.#count += sizeOf(read) - (former === undefined ? 0 : sizeOf(former))
    if (this.#count > this.#maxNames) {
      this.#accounts.clear()
      this.#count = sizeOf(read)
    }
    this.#accounts.set(account, read)
  }
}

const sizeOf = ({ names, subscriptions }: AccountNames): number => names.length + subscriptions.length

const namesOf = (reader: Reader, account: number): KnownName[] => {
  const prefix = keyOf32(tables.mailboxByName, account)
  return Array.from(reader.range({ start: prefix, end: keyAfter(prefix) }), ({ key, value }) => ({
    name: key.toString('utf8', prefix.length),
    id: value.readUInt32BE(0),
    mailbox: undefined,
  })).sort((a, b) => compareNames(a.name, b.name))
}

const subscribedNames = (reader: Reader, account: number): string[] => {
  const prefix = keyOf32(tables.subscription, account)
  return Array.from(reader.range({ start: prefix, end: keyAfter(prefix) }), ({ key }) =>
    key.toString('utf8', prefix.length),
  ).sort(compareNames)
}
