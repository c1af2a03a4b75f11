/** What SORT and THREAD compare, out of a message's summary. RFC 5256 §2, RFC 5957 §3. */
import { baseSubject, decodeWords, foldCase, type SummaryReader } from '@posthorn/mail'

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
  const subject = wanted.subject ? baseSubject(decodeWords(reader.octets() ?? '')) : skipped(reader)
  const from = address(reader, noAddress, wanted)
  // Sender, Reply-To.
  address(reader, from, skipAddress)
  address(reader, from, skipAddress)
  const to = address(reader, from, wanted)
  const cc = address(reader, from, wanted)
  address(reader, from, skipAddress)
  return {
    subject: inOctetOrder(subject.text),
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
  const local = decodeWords(mailbox ?? '')
  const whole = host === undefined || local === '' ? local : `${local}@${decodeWords(host)}`
  return { mailbox: folded(local), display: folded(shown === '' ? whole : shown) }
}

function folded(text: string): string {
  return inOctetOrder(foldCase(text))
}

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
