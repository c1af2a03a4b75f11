import type { Log } from '@posthorn/mail'
import { type Effect, parseFilter, type Refusal } from '../policy/index.ts'
import { splitStatus } from '../policy/reply-text.ts'
import { type LookupTable, lookupFirst } from '../tables/index.ts'
import type { ContentChecks } from './content-checks.ts'
import { eightBitAt, isSevenBit } from './eight-bit.ts'
import { type HeaderPlace, MimeUnits } from './mime-units.ts'

/** The message as log lines name it. */
export interface CheckedMail {
  readonly log: Log
  readonly queueId: string
  /** `cleanup`, or `smtp` for mail that leaves: then no action may decide about the message. */
  readonly service?: 'cleanup' | 'smtp'
  /** `milter`: the fields are those that filters add (milter_header_checks). */
  readonly origin?: 'message' | 'milter'
  /** `host[192.0.2.1]`, or `local` for the sendmail command. */
  readonly client: string
  readonly sender: string
  readonly recipient: string
  readonly protocol: string
  readonly helo: string
}

/** Postfix: msg_info("… %.200s …"). */
const maxLoggedBytes = 200
const nothing = Buffer.alloc(0)
/** Postfix: not available where mail is on its way out. */
const decisions: ReadonlySet<string> = new Set(['REJECT', 'DISCARD', 'HOLD', 'REDIRECT', 'BCC', 'FILTER'])

/**
 * header_checks(5) over one message as it comes in: each field and each line goes through its table once, and
 * the first pattern that fits decides. What asks for the whole message (REJECT, HOLD …) is collected.
 */
export class ContentFilter {
  readonly #checks: ContentChecks
  readonly #mail: CheckedMail
  readonly #units: MimeUnits
  readonly effects: Effect[] = []
  refusal: Refusal | undefined
  #state: 'looking' | 'decided' = 'looking'

  constructor(checks: ContentChecks, mail: CheckedMail) {
    this.#checks = checks
    this.#mail = mail
    const { eightBit, forbiddenEncodings } = checks
    const wanted = {
      lines: checks.body.length > 0 || eightBit?.body === 'refused',
      parts:
        checks.mime.length + checks.nested.length > 0 ||
        eightBit !== undefined ||
        forbiddenEncodings === 'refused',
    }
    this.#units = new MimeUnits(
      {
        field: (unit, place) => this.#field(unit, place),
        line: (unit, offset, encoding) => this.#line(unit, offset, encoding),
        suspectAt: (octets, from) => this.#suspectLine(octets, from),
        tooDeep: () => this.#tooDeep(),
        forbiddenEncoding: () => this.#forbiddenEncoding(),
        wants: (what) => this.#state === 'looking' && (wanted[what] || (what === 'parts' && wanted.lines)),
      },
      {
        fieldBytes: checks.headerLimitBytes,
        depth: checks.mimeDepth ?? 100,
        boundaryBytes: checks.boundaryLimitBytes ?? 2_048,
      },
    )
  }

  /** Our own trace fields, before they go above the message. */
  trace(fields: readonly Buffer[]): Buffer {
    return Buffer.concat(fields.map((field) => this.#field(field, 'header')))
  }

  push(chunk: Uint8Array): Buffer {
    return this.#units.push(chunk)
  }

  finish(): Buffer {
    return this.#units.finish()
  }

  /** Postfix: MIME_ERR_NESTING. Mail that leaves was taken already. */
  #tooDeep(): void {
    if (this.#mail.service === 'smtp' || this.#state === 'decided') return
    this.#refuseMime('MIME nesting exceeds safety limit')
  }

  #forbiddenEncoding(): void {
    if (this.#checks.forbiddenEncodings !== 'refused' || this.#state === 'decided') return
    this.#refuseMime('invalid message/* or multipart/* encoding domain')
  }

  /** Postfix: cleanup_mime_error_callback(). */
  #refuseMime(text: string, unit?: Buffer): void {
    const { client, sender, recipient } = this.#mail
    this.refusal = { code: 550, status: '5.6.0', text }
    this.#state = 'decided'
    const shown = unit === undefined ? '' : `: ${loggable(keyOf(unit, unit.length))}`
    const to = unit === undefined ? '' : ` to=<${recipient}>`
    this.#warnless(`reject: mime-error ${text}${shown} from ${client}; from=<${sender}>${to}`)
  }

  #warnless(text: string): void {
    const { log, queueId, service = 'cleanup' } = this.#mail
    log({ level: 'info', service, queueId, text })
  }

  #field(unit: Buffer, place: HeaderPlace): Buffer {
    if (this.#state === 'decided') return unit
    if (this.#checks.eightBit?.header === 'refused' && eightBitAt(unit, 0) < unit.length) {
      this.#refuseMime('improper use of 8-bit data in message header', unit)
      return unit
    }
    const tables = isMimeField(unit) || place === 'part' ? this.#checks.mime : this.#checks[place]
    if (tables.length === 0 || suspectAt(tables, unit, 0) === unit.length) return unit
    const key = keyOf(unit, this.#checks.headerLimitBytes)
    const action = lookupFirst(tables, key)
    return action === undefined ? unit : this.#act('header', unit, key, action)
  }

  #line(unit: Buffer, offset: number, encoding: string): Buffer {
    if (this.#state === 'decided') return unit
    const strict = this.#checks.eightBit?.body === 'refused' && isSevenBit(encoding)
    if (strict && eightBitAt(unit, 0) < unit.length) {
      this.#refuseMime('improper use of 8-bit data in message body', unit)
      return unit
    }
    if (this.#checks.body.length === 0) return unit
    if (offset >= this.#checks.bodyLimitBytes) return unit
    const key = keyOf(unit, unit.length)
    const action = lookupFirst(this.#checks.body, key)
    return action === undefined ? unit : this.#act('body', unit, key, action)
  }

  /** Lines that end before need not be shown to `#line`. */
  #suspectLine(octets: Uint8Array, from: number): number {
    if (this.#state === 'decided') return octets.length
    const suspect = suspectAt(this.#checks.body, octets, from)
    return this.#checks.eightBit?.body === 'refused' ? Math.min(suspect, eightBitAt(octets, from)) : suspect
  }

  /** header_checks(5), ACTIONS. Postfix: cleanup_act(). */
  #act(place: 'header' | 'body', unit: Buffer, key: string, action: string): Buffer {
    const [, word = '', text = ''] = /^(\S*)\s*(.*)$/s.exec(action) ?? []
    const note = (what: string, said = text): void => this.#log(what, place, key, said)
    if (this.#mail.service === 'smtp' && decisions.has(word.toUpperCase())) {
      this.#warn(`unsupported command in smtp_header_checks: ${word.toUpperCase()}`)
      return unit
    }
    switch (word.toUpperCase()) {
      case 'REJECT':
        this.#reject(text, note)
        return unit
      case 'WARN':
        note('warning')
        return unit
      case 'INFO':
        note('info')
        return unit
      case 'DISCARD':
        note('discard')
        this.effects.push({ kind: 'discard', text })
        this.#state = 'decided'
        return unit
      case 'HOLD':
        if (!this.effects.some(({ kind }) => kind === 'hold')) {
          note('hold')
          this.effects.push({ kind: 'hold', text })
        }
        return unit
      case 'FILTER': {
        const filter = parseFilter(text)
        if (filter === undefined) this.#warn(`bad FILTER in ${place} checks: expected transport:destination`)
        else {
          note('filter')
          this.effects.push({ kind: 'filter', ...filter, text })
        }
        return unit
      }
      case 'STRIP':
        note('strip')
        return nothing
      case 'IGNORE':
        return nothing
      case 'DUNNO':
      case 'OK':
        return unit
      case 'PREPEND':
      case 'REPLACE':
        return this.#edit(word.toUpperCase() as 'PREPEND' | 'REPLACE', place, unit, text, note)
      case 'REDIRECT':
      case 'BCC':
        this.#address(word.toUpperCase() as 'REDIRECT' | 'BCC', place, text, note)
        return unit
      default:
        this.#warn(`unknown command in ${place} checks: ${JSON.stringify(action.slice(0, 80))}`)
        return unit
    }
  }

  #reject(text: string, note: (what: string, said: string) => void): void {
    const given = /^[45]\.\d{1,3}\.\d{1,3}(\s|$)/.test(text)
    const fallback = given && text.startsWith('4') ? '4.7.1' : '5.7.1'
    const said = splitStatus(text, fallback)
    const words = said.text === '' ? 'message content rejected' : said.text
    this.refusal = { code: said.status.startsWith('4') ? 451 : 550, status: said.status, text: words }
    this.#state = 'decided'
    note('reject', `${said.status} ${words}`)
  }

  #edit(
    word: 'PREPEND' | 'REPLACE',
    place: 'header' | 'body',
    unit: Buffer,
    text: string,
    note: (what: string) => void,
  ): Buffer {
    // RFC 5322 §2.2: what goes into a header must be a field.
    if (text === '' || (place === 'header' && !/^[!-9;-~]+[ \t]*:/.test(text))) {
      this.#warn(`${word} in ${place} checks without ${place === 'header' ? 'a header field' : 'text'}`)
      return unit
    }
    note(word.toLowerCase())
    const line = Buffer.from(`${text.replace(/\r?\n(?=[ \t])/g, '\r\n').replace(/[\r\n]+$/, '')}\r\n`)
    return word === 'REPLACE' ? line : Buffer.concat([line, unit])
  }

  #address(word: 'REDIRECT' | 'BCC', place: string, text: string, note: (what: string) => void): void {
    if (!text.includes('@')) {
      this.#warn(`bad ${word} address in ${place} checks: expected user@domain`)
      return
    }
    note(word.toLowerCase())
    this.effects.push({ kind: word === 'BCC' ? 'bcc' : 'redirect', address: text.trim() })
  }

  #warn(text: string): void {
    this.#mail.log({
      level: 'warning',
      service: this.#mail.service ?? 'cleanup',
      queueId: this.#mail.queueId,
      text,
    })
  }

  #log(what: string, place: string, key: string, said: string): void {
    const { log, queueId, service = 'cleanup', client, sender, recipient, protocol, helo } = this.#mail
    const by = this.#mail.origin === 'milter' ? 'milter-header-' : ''
    let text = `${by}${what}: ${place} ${loggable(key)}`
    if (service === 'cleanup') {
      text += ` from ${client}; from=<${sender}> to=<${recipient}>`
      if (protocol !== '') text += ` proto=${protocol}`
      if (helo !== '') text += ` helo=<${helo}>`
    }
    log({ level: 'info', service, queueId, text: said === '' ? text : `${text}: ${said}` })
  }
}

const loggable = (key: string): string => key.slice(0, maxLoggedBytes).replace(/[\0-\x1f\x7f]/g, '?')

function suspectAt(tables: readonly LookupTable[], octets: Uint8Array, from: number): number {
  let first = octets.length
  for (const table of tables) {
    if (first === from) break
    first = Math.min(first, table.suspectAt?.(octets, from) ?? from)
  }
  return first
}

/** Without the line end, lines of a folded field between LFs, as patterns of Postfix expect them. */
function keyOf(unit: Buffer, maxBytes: number): string {
  let end = Math.min(unit.length, maxBytes)
  if (end > 0 && unit[end - 1] === 0x0a) end--
  if (end > 0 && unit[end - 1] === 0x0d) end--
  const text = unit.toString('utf8', 0, end)
  return text.includes('\r') ? text.replaceAll('\r\n', '\n') : text
}

function isMimeField(unit: Buffer): boolean {
  const first = (unit[0] ?? 0) | 0x20
  if (first !== 0x63 && first !== 0x6d) return false
  return /^(?:content-[!-9;-~]+|mime-version)[ \t]*:/i.test(unit.toString('latin1', 0, 100))
}
