import type { Log } from '@posthorn/mail'
import { type LookupTable, lookupFirst, type Tables } from '../tables/index.ts'
import { Milter, type MilterClient } from './milter.ts'
import { goOn, hold, type MilterAnswer } from './milter-answer.ts'
import type { MacroValues } from './milter-connection.ts'
import type { MilterContent } from './milter-content.ts'
import type { MilterEdits } from './milter-message.ts'
import type { MilterOptions } from './milter-options.ts'
import { type MilterSpec, readMilterSpecs } from './milter-spec.ts'

/** What is known when an event happens: values of macros by name, without braces. */
export type MilterFacts = Readonly<Record<string, string | undefined>>

export interface MiltersOptions {
  /** smtpd_milters. */
  readonly smtpd: readonly string[]
  /** non_smtpd_milters. */
  readonly nonSmtpd: readonly string[]
  /** smtpd_milter_maps: client address → other filters, or DISABLE. */
  readonly maps: readonly string[]
  /** milter_header_checks. */
  readonly headerChecks: readonly string[]
  readonly settings: MilterOptions
}

/** The filters of one configuration. */
export interface Milters {
  /** Those for a new SMTP session; undefined: none. */
  forClient(address: string): SessionMilters | undefined
  /** Those for mail of the sendmail command. */
  forSubmission(): SessionMilters | undefined
  readonly headerChecks: readonly LookupTable[]
}

/**
 * Every filter, asked in order, in one SMTP session. The first that refuses or discards has the last word. Never
 * takes longer than the time limits of each.
 */
export interface SessionMilters {
  connect(client: MilterClient, facts: MilterFacts): Promise<MilterAnswer>
  helo(name: string, facts: MilterFacts): Promise<MilterAnswer>
  mail(address: string, parameters: readonly string[], facts: MilterFacts): Promise<MilterAnswer>
  rcpt(address: string, parameters: readonly string[], facts: MilterFacts): Promise<MilterAnswer>
  rejectedRcpt(address: string, parameters: readonly string[], facts: MilterFacts): Promise<void>
  data(facts: MilterFacts): Promise<MilterAnswer>
  unknown(line: string, facts: MilterFacts): Promise<MilterAnswer>
  message(content: MilterContent, edits: MilterEdits, facts: MilterFacts): Promise<MilterAnswer>
  /** The mail transaction is over, or there will be none. */
  abort(): void
  quit(): void
}

/** undefined: no filter. Throws TableError. */
export function createMilters(
  options: MiltersOptions,
  context: { readonly tables: Tables; readonly log: Log },
): Milters | undefined {
  const { settings } = options
  const read = (texts: readonly string[]) => readMilterSpecs(texts, settings, settings.socketFolder)
  const smtpd = read(options.smtpd)
  const nonSmtpd = read(options.nonSmtpd)
  const maps = context.tables.openAll(options.maps, 'smtpd_milter_maps')
  if (smtpd.length === 0 && nonSmtpd.length === 0 && maps.length === 0) return undefined
  const warn = (service: string) => (text: string) => context.log({ level: 'warning', service, text })
  const open = (specs: readonly MilterSpec[], service: string): SessionMilters | undefined =>
    specs.length === 0
      ? undefined
      : new Chain(
          specs.map((spec) => new Milter(spec, settings, warn(service))),
          settings,
        )
  return {
    headerChecks: context.tables.openAll(options.headerChecks, 'milter_header_checks'),
    forSubmission: () => open(nonSmtpd, 'cleanup'),
    forClient(address) {
      const found = maps.length === 0 ? undefined : lookupFirst(maps, address)
      if (found === undefined) return open(smtpd, 'smtpd')
      if (/^DISABLE$/i.test(found.trim())) return undefined
      try {
        return open(read([found]), 'smtpd')
      } catch (error) {
        warn('smtpd')(`smtpd_milter_maps: ${error instanceof Error ? error.message : String(error)}`)
        return open(smtpd, 'smtpd')
      }
    },
  }
}

class Chain implements SessionMilters {
  readonly #milters: readonly Milter[]
  readonly #own: MilterFacts

  constructor(milters: readonly Milter[], settings: MilterOptions) {
    this.#milters = milters
    this.#own = {
      ...macroDefaults(settings.macroDefaults),
      j: settings.myhostname,
      v: settings.macroV,
      daemon_name: settings.daemonName,
    }
  }

  connect(client: MilterClient, facts: MilterFacts): Promise<MilterAnswer> {
    return this.#each((milter) => milter.connect(client, this.#values(facts)))
  }
  helo(name: string, facts: MilterFacts): Promise<MilterAnswer> {
    return this.#each((milter) => milter.helo(name, this.#values(facts)))
  }
  mail(address: string, parameters: readonly string[], facts: MilterFacts): Promise<MilterAnswer> {
    return this.#each((milter) => milter.mail(address, parameters, this.#values(facts)))
  }
  rcpt(address: string, parameters: readonly string[], facts: MilterFacts): Promise<MilterAnswer> {
    return this.#each((milter) => milter.rcpt(address, parameters, this.#values(facts)))
  }
  async rejectedRcpt(address: string, parameters: readonly string[], facts: MilterFacts): Promise<void> {
    for (const milter of this.#milters) await milter.rejectedRcpt(address, parameters, this.#values(facts))
  }
  data(facts: MilterFacts): Promise<MilterAnswer> {
    return this.#each((milter) => milter.data(this.#values(facts)))
  }
  unknown(line: string, facts: MilterFacts): Promise<MilterAnswer> {
    return this.#each((milter) => milter.unknown(line, this.#values(facts)))
  }
  message(content: MilterContent, edits: MilterEdits, facts: MilterFacts): Promise<MilterAnswer> {
    return this.#each((milter) => milter.message(content, edits, this.#values(facts)))
  }

  abort(): void {
    for (const milter of this.#milters) milter.abort()
  }
  quit(): void {
    for (const milter of this.#milters) milter.quit()
  }

  async #each(ask: (milter: Milter) => Promise<MilterAnswer>): Promise<MilterAnswer> {
    let held: MilterAnswer = goOn
    for (const milter of this.#milters) {
      const answer = await ask(milter)
      if (answer.kind === 'refuse' || answer.kind === 'discard') return answer
      if (answer.kind === 'hold') held = hold
    }
    return held
  }

  #values(facts: MilterFacts): MacroValues {
    return (name) => (Object.hasOwn(facts, name) ? facts[name] : this.#own[name]) ?? this.#own[name]
  }
}

/** `{name=value}` or `name=value`. */
function macroDefaults(texts: readonly string[]): MilterFacts {
  const values: Record<string, string> = {}
  for (const text of texts) {
    const [, name, value = ''] = /^\{?\s*(?:\{([^}=]+)\}|[^=\s]+)\s*=\s*([^}]*?)\s*\}?$/.exec(text) ?? []
    const key = name ?? /^\{?\s*([^=\s]+)\s*=/.exec(text)?.[1]
    if (key !== undefined) values[key] = value
  }
  return values
}
