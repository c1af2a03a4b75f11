import type { CapabilityContext } from '../commands/command.ts'
import type { CommandTable } from '../commands/command-table.ts'
import type { ImapOptions } from './options.ts'

/** All that a client's list depends on, beside the options. */
export interface ClientKind
  extends Pick<
    CapabilityContext,
    'state' | 'secure' | 'plaintextAuth' | 'certified' | 'isAdministrator' | 'compressed'
  > {
  readonly user: 'known' | 'unknown'
  /** Names that are kept from it because of what it is, upper case. */
  readonly withheld: ReadonlySet<string> | undefined
}

/** Clients can introduce themselves in many ways. */
const mostLines = 64

/** `CAPABILITY IMAP4rev1 …`, made once for all clients of a kind: two of them were a tenth of a short session's work. */
export class CapabilityLines {
  readonly #commands: CommandTable
  readonly #lines = new Map<string, string>()
  #options: ImapOptions | undefined

  constructor(commands: CommandTable) {
    this.#commands = commands
  }

  /**
   * @param options another object when they have changed
   * @param withholds whether a name, upper case, is kept from such a client
   */
  of(client: ClientKind, options: ImapOptions, withholds: (name: string) => boolean): string {
    if (options !== this.#options || this.#lines.size >= mostLines) this.#lines.clear()
    this.#options = options
    const { state, secure, plaintextAuth, certified, isAdministrator, compressed, user, withheld } = client
    const names = withheld === undefined ? '' : [...withheld].join(' ')
    const kind = `${state} ${secure} ${plaintextAuth} ${certified} ${isAdministrator} ${compressed} ${user} ${names}`
    let line = this.#lines.get(kind)
    if (line === undefined) {
      line = this.#make(client, options, withholds)
      this.#lines.set(kind, line)
    }
    return line
  }

  #make(client: ClientKind, options: ImapOptions, withholds: (name: string) => boolean): string {
    const { announcedToo, appendLimitBytes, encryption } = options
    const context: CapabilityContext = {
      ...client,
      startTls: options.credentials !== undefined,
      mechanisms: encryption === 'required' && !client.secure ? [] : options.mechanisms,
      appendLimitBytes: appendLimitBytes === 0 ? undefined : appendLimitBytes,
      referrals: options.referral !== undefined,
    }
    return `CAPABILITY ${this.#commands.capabilities(context, { announcedToo, withholds }).join(' ')}`
  }
}
