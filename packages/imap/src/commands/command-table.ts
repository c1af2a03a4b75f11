import type { Announcement, CapabilityContext, Command } from './command.ts'

/** What the protocol's own layers bring, whatever the commands. */
const ofTheWire = ['IMAP4rev1', 'IMAP4rev2', 'LITERAL+']

/** What the administrator, or the client's own failings, make of the list. */
export interface AnnouncedByOrder {
  /** @param name upper case */
  withholds(name: string): boolean
  readonly announcedToo: readonly string[]
}

/** The commands of a server, and what it announces because of them. */
export class CommandTable {
  readonly #commands: ReadonlyMap<string, Command>

  constructor(commands: readonly Command[]) {
    this.#commands = new Map(commands.map((command) => [command.name, command]))
    if (this.#commands.size !== commands.length) throw new Error('Two commands have the same name')
  }

  /** @param name upper case, `UID FETCH` included */
  find(name: string): Command | undefined {
    const command = this.#commands.get(name)
    if (command !== undefined || !name.startsWith('UID ')) return command
    const plain = this.#commands.get(name.slice(4))
    return plain?.numbers === 'uses' ? plain : undefined
  }

  /**
   * Names for CAPABILITY, in the order of the table. Before login only what may be used or looked for then:
   * short for strangers; the tagged OK of the login brings the rest (RFC 9051 §6.1.1).
   */
  capabilities(context: CapabilityContext, { withholds, announcedToo }: AnnouncedByOrder): string[] {
    const names = new Set<string>(ofTheWire)
    const early = context.state === 'not-authenticated'
    for (const command of this.#commands.values()) {
      for (const name of announced(command.early, context)) names.add(name)
      if (!early) for (const name of announced(command.capabilities, context)) names.add(name)
    }
    if (!early) for (const name of announcedToo) names.add(name)
    return [...names].filter((name) => !withholds(name.toUpperCase()))
  }
}

function announced(announcement: Announcement, context: CapabilityContext): readonly string[] {
  return typeof announcement === 'function' ? announcement(context) : announcement
}
