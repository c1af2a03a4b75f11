import { computedDefault, type Machine } from './computed.ts'
import { ExpansionError, expand } from './expand.ts'
import type { MainCf, MainCfEntry } from './main-cf.ts'
import { parameters } from './schema/schema.ts'

/** Where a value comes from, for messages. */
export interface Setting {
  readonly name: string
  readonly value: string
  /** `main.cf:12` or `POSTHORN_MYHOSTNAME`. */
  readonly source: string
}

/** main.cf, the environment and the defaults as one: the environment wins, then the last line of main.cf. */
export class Settings {
  readonly set: ReadonlyMap<string, Setting>
  readonly #machine: Machine
  readonly #folder: string
  #depth = 0

  constructor(set: ReadonlyMap<string, Setting>, machine: Machine, folder: string) {
    this.set = set
    this.#machine = machine
    this.#folder = folder
  }

  raw(name: string): string | undefined {
    return this.set.get(name)?.value ?? this.defaultText(name)
  }

  /** Throws ExpansionError. */
  text(name: string, missing?: (name: string) => void): string | undefined {
    const raw = this.raw(name)
    if (raw === undefined || parameters.get(name)?.raw) return raw
    // A computed default asks for others: `myhostname = x.$mydomain` alone is a circle.
    if (this.#depth > 20) throw new ExpansionError('parameters name each other in a circle')
    this.#depth++
    try {
      const text = expand(raw, (one) => this.#named(one), missing)
      return name === 'myorigin' ? this.#fromFile(text) : text
    } finally {
      this.#depth--
    }
  }

  #named(name: string): string | undefined {
    const raw = this.raw(name)
    return name === 'myorigin' && raw !== undefined ? this.#fromFile(raw) : raw
  }

  /** Debian: `myorigin = /etc/mailname`. */
  #fromFile(text: string): string {
    if (!text.startsWith('/')) return text
    const line = this.#machine.firstLine(text)
    if (line === undefined || line === '') throw new ExpansionError(`${text} cannot be read, or is empty`)
    return line
  }

  defaultText(name: string): string | undefined {
    const parameter = parameters.get(name)
    if (parameter?.computed === undefined) return parameter?.default
    return computedDefault(name, this.#machine, this.#folder, (other) => this.text(other))
  }
}

export function settingsOf(
  mainCf: MainCf,
  file: string,
  environment: readonly Setting[],
): { readonly set: ReadonlyMap<string, Setting>; readonly warnings: readonly string[] } {
  const set = new Map<string, Setting>()
  const lines = new Map<string, MainCfEntry>()
  const warnings: string[] = []
  for (const entry of mainCf.entries) {
    const earlier = lines.get(entry.name)
    if (earlier !== undefined && earlier.value !== entry.value) {
      warnings.push(`${file}:${entry.line}: overriding earlier entry: ${earlier.name}=${earlier.value}`)
    }
    lines.set(entry.name, entry)
    set.set(entry.name, { name: entry.name, value: entry.value, source: `${file}:${entry.line}` })
  }
  for (const setting of environment) set.set(setting.name, setting)
  return { set, warnings }
}
