/** What SORT and THREAD compare, out of a message's summary. RFC 5256 §2, RFC 5957 §3. */
import {
  type BaseSubject,
  baseSubject,
  decodeWords,
  foldCase,
  type SummaryReader,
  subjectBase,
  undecodedOctets,
} from '@posthorn/mail'

export interface EnvelopeKeys {
  readonly subject: string
  readonly isReplyOrForward: boolean
  /** addr-mailbox of the first address. */
  readonly from: string
  readonly to: string
  readonly cc: string
  readonly displayFrom: string
  readonly displayTo: string
  readonly inReplyTo: string
  readonly messageId: string
}

/** Which of them are worth their decoding. */
export interface WantedKeys {
  readonly subject: boolean
  readonly addresses: boolean
}

interface AddressKeys {
  readonly mailbox: string
  readonly display: string
}

const noAddress: AddressKeys = { mailbox: '', display: '' }

/** @param reader an opened summary */
export function envelopeKeys(reader: SummaryReader, wanted: WantedKeys): EnvelopeKeys {
  reader.toEnvelope()
  reader.skipString()
  const subject = wanted.subject ? subjectKey(reader.octets() ?? '') : skipped(reader)
  const from = address(reader, noAddress, wanted)
  // Sender, Reply-To.
  address(reader, from, skipAddress)
  address(reader, from, skipAddress)
  const to = address(reader, from, wanted)
  const cc = address(reader, from, wanted)
  address(reader, from, skipAddress)
  return {
    subject: subject.text,
    isReplyOrForward: subject.isReplyOrForward,
    from: from.mailbox,
    to: to.mailbox,
    cc: cc.mailbox,
    displayFrom: from.display,
    displayTo: to.display,
    inReplyTo: reader.octets() ?? '',
    messageId: reader.octets() ?? '',
  }
}

const noSubject = { text: '', isReplyOrForward: false }
const skipAddress: WantedKeys = { subject: false, addresses: false }

function skipped(reader: SummaryReader): typeof noSubject {
  reader.skipString()
  return noSubject
}

/** The first of an address list; the others are read over. */
function address(reader: SummaryReader, asFrom: AddressKeys, { addresses }: WantedKeys): AddressKeys {
  const count = reader.addresses()
  if (count === 'as-from') return asFrom
  let first = noAddress
  for (let entry = 0; entry < count; entry++) {
    if (entry > 0 || !addresses) {
      for (let field = reader.hasRoutes ? 4 : 3; field > 0; field--) reader.skipString()
      continue
    }
    const name = reader.octets()
    if (reader.hasRoutes) reader.skipString()
    first = addressKeys(name, reader.octets(), reader.octets())
  }
  return first
}

function addressKeys(
  name: string | undefined,
  mailbox: string | undefined,
  host: string | undefined,
): AddressKeys {
  const shown = name === undefined ? '' : decodeWords(name)
  const undecoded = name === undefined ? undefined : undecodedOctets(name, shown)
  const local = decodeWords(mailbox ?? '')
  const whole = host === undefined || local === '' ? local : `${local}@${decodeWords(host)}`
  const display = undecoded === undefined ? folded(shown === '' ? whole : shown) : afterAllText + undecoded
  return { mailbox: folded(local), display }
}

function subjectKey(octets: string): BaseSubject {
  const text = decodeWords(octets)
  const undecoded = undecodedOctets(octets, text)
  if (undecoded === undefined) {
    const base = baseSubject(text)
    return { ...base, text: inOctetOrder(base.text) }
  }
  const base = subjectBase(undecoded)
  return { ...base, text: base.text === '' ? '' : afterAllText + base.text }
}

function folded(text: string): string {
  return inOctetOrder(foldCase(text))
}

/**
 * Before octets that are no text in the charset they claim: these stand behind all that is text, by their octets
 * (RFC 5255 §4.6). No text begins so after `inOctetOrder`.
 */
const afterAllText = '\uffff'

/**
 * i;unicode-casemap compares UTF-8 octets (RFC 5051 §2), JavaScript UTF-16 units: the same but where
 * surrogates meet units above them, which change places here.
 */
function inOctetOrder(text: string): string {
  if (!/[\ud800-\uffff]/.test(text)) return text
  return text.replace(/[\ud800-\uffff]/g, (unit) => {
    const code = unit.charCodeAt(0)
    return String.fromCharCode(code >= 0xe000 ? code - 0x800 : code + 0x2000)
  })
}
