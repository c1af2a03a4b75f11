import { createContext, Script } from 'node:vm'
import { RE2JS } from 're2js'
import { readBacktracking } from './backtracking-source.ts'

/** What a table asks of a pattern, whichever engine runs it. */
export interface TextPattern {
  test(text: string): boolean
  matcher(text: string): { find(): boolean; group(number: number): string | null | undefined }
  groupCount(): number
}

export interface WatchedFlags {
  readonly ignoreCase: boolean
  readonly multiLine: boolean
  readonly dotAll: boolean
  readonly anchored: boolean
}

/** So long one text may take. */
const limitMs = 50
/** After a text that took longer the pattern rests so many times that long: strangers must not stop the server. */
const restFactor = 20

const place = createContext({ regexp: /x/, text: '' }) as { regexp: RegExp; text: string }
const run = new Script('regexp.exec(text)')

/**
 * A pattern with look-around or back-references. No engine matches these in linear time: JavaScript's own does it,
 * under a clock, and only for texts that a wider pattern without them matches.
 */
export class WatchedPattern implements TextPattern {
  readonly #regexp: RegExp
  readonly #wider: RE2JS
  readonly #groups: number
  readonly #warn: (message: string) => void
  #restsUntilMs = 0
  /** The wider pattern, in RE2's syntax. */
  readonly source: string

  /** @throws SyntaxError when the pattern needs what neither engine has. */
  constructor(source: string, flags: WatchedFlags, warn: (message: string) => void) {
    const [start = '', inline = ''] = /^\(\?([ims]+)\)/.exec(source) ?? []
    const { pattern, wider } = readBacktracking(source.slice(start.length))
    const ignoreCase = flags.ignoreCase || inline.includes('i')
    const multiLine = flags.multiLine || inline.includes('m')
    const dotAll = flags.dotAll || inline.includes('s')
    const letters = `${ignoreCase ? 'i' : ''}${multiLine ? 'm' : ''}${dotAll ? 's' : ''}`
    this.#regexp = new RegExp(flags.anchored ? `(?<![^])(?:${pattern})` : pattern, letters)
    this.#wider = RE2JS.compile(
      flags.anchored ? `\\A(?:${wider})` : wider,
      (ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) |
        (multiLine ? RE2JS.MULTILINE : 0) |
        (dotAll ? RE2JS.DOTALL : 0),
    )
    this.#groups = (new RegExp(`${pattern}|`).exec('')?.length ?? 1) - 1
    this.#warn = warn
    this.source = wider
  }

  test(text: string): boolean {
    return this.#match(text) !== undefined
  }

  matcher(text: string): ReturnType<TextPattern['matcher']> {
    const match = this.#match(text)
    return { find: () => match !== undefined, group: (number) => match?.[number] }
  }

  groupCount(): number {
    return this.#groups
  }

  #match(text: string): RegExpExecArray | undefined {
    const nowMs = performance.now()
    if (nowMs < this.#restsUntilMs || !this.#wider.test(text)) return undefined
    place.regexp = this.#regexp
    place.text = text
    try {
      return (run.runInContext(place, { timeout: limitMs }) as RegExpExecArray | null) ?? undefined
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
      this.#restsUntilMs = nowMs + limitMs * restFactor
      this.#warn(`backtracking limit exceeded: no match for ${limitMs * restFactor} ms`)
      return undefined
    } finally {
      place.text = ''
    }
  }
}
