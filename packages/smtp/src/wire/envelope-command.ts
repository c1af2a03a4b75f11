import {
  type Address,
  formatAddress,
  parseForwardPath,
  parseReversePath,
  splitPathArgument,
  withoutSpareBrackets,
} from '@posthorn/mail'
import type { MailFrom, RcptTo, SmtpReply } from '../handler.ts'
import { splitWords } from './command-line.ts'
import { reply } from './reply.ts'
import { decodeXtext } from './xtext.ts'

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reply: SmtpReply }

/** Which parameters the server has announced. */
export interface EnvelopeExtensions {
  readonly dsn: boolean
  readonly requireTls: boolean
  /** Postfix: smtpd_authorized_verp_clients. */
  readonly verp: boolean
  /** Postfix: smtputf8_enable; whoever ignores the announcement may use it all the same. */
  readonly smtpUtf8: boolean
  readonly syntax: 'strict' | 'lenient'
  readonly hyphens: 'refused' | 'taken'
  readonly numericDomains: 'refused' | 'literals'
}

const refuse = (code: number, status: string, text: string): { ok: false; reply: SmtpReply } => ({
  ok: false,
  reply: reply(code, status, text),
})
/** What asks for reports is told so where smtpd_discard_ehlo_keywords has dsn. */
const unsupported = (word: string, { dsn }: EnvelopeExtensions) =>
  !dsn && /^(?:RET|ENVID|NOTIFY|ORCPT)=/i.test(word)
    ? refuse(501, '5.7.1', 'DSN support is disabled')
    : refuse(555, '5.5.4', `Unsupported option: ${word}`)

/** The path after `FROM:` or `TO:` and its parameters; undefined when the keyword is missing. */
const afterKeyword = (argument: string, keyword: 'FROM:' | 'TO:'): string | undefined => {
  if (argument.length < keyword.length) return undefined
  if (argument.slice(0, keyword.length).toUpperCase() !== keyword) return undefined
  const rest = argument.slice(keyword.length).trimStart()
  return rest === '' ? undefined : rest
}

/** RFC 5321 §4.1.2: a path is between `<` and `>`. Postfix: strict_rfc821_envelopes. */
const isLoose = (path: string, { syntax }: EnvelopeExtensions): boolean =>
  syntax === 'strict' && !path.startsWith('<')

/** Postfix: allow_min_user. */
const isLikeOption = ({ local }: Address, { hyphens }: EnvelopeExtensions): boolean =>
  hyphens === 'refused' && local.startsWith('-')

/** Postfix: resolve_numeric_domain, strict_rfc821_envelopes. */
const meantPath = (path: string, { numericDomains, syntax }: EnvelopeExtensions): string => {
  const meant = syntax === 'strict' ? path : withoutSpareBrackets(path)
  return numericDomains === 'literals' ? meant.replace(/@((?:\d{1,3}\.){3}\d{1,3})(?=>?$)/, '@[$1]') : meant
}

/** RFC 5321 §4.1.1.2; SIZE RFC 1870, BODY RFC 6152, SMTPUTF8 RFC 6531, RET ENVID RFC 3461, AUTH RFC 4954 §5, REQUIRETLS RFC 8689. */
export const parseMailCommand = (argument: string, has: EnvelopeExtensions): Parsed<MailFrom> => {
  const rest = afterKeyword(argument, 'FROM:')
  if (rest === undefined) return refuse(501, '5.5.4', 'Syntax: MAIL FROM:<address>')
  if (isLoose(rest, has)) return refuse(501, '5.1.7', 'Bad sender address syntax')
  const split = splitPathArgument(rest)
  const address = split === undefined ? undefined : parseReversePath(meantPath(split.path, has))
  if (split === undefined || address === undefined || isLikeOption(address, has))
    return refuse(501, '5.1.7', 'Bad sender address syntax')
  const from: MutableMailFrom = {
    address: formatAddress(address),
    sizeBytes: undefined,
    body: undefined,
    smtpUtf8: false,
    requireTls: false,
    verp: undefined,
    ret: undefined,
    envid: undefined,
  }
  if (split.parameters !== '') {
    for (const word of splitWords(split.parameters)) {
      const refused = readMailParameter(word, from, has)
      if (refused !== undefined) return refused
    }
  }
  return { ok: true, value: from }
}

type MutableMailFrom = { -readonly [K in keyof MailFrom]: MailFrom[K] }

const readMailParameter = (
  word: string,
  from: MutableMailFrom,
  has: EnvelopeExtensions,
): { ok: false; reply: SmtpReply } | undefined => {
  const equals = word.indexOf('=')
  const name = (equals < 0 ? word : word.slice(0, equals)).toUpperCase()
  const value = equals < 0 ? '' : word.slice(equals + 1)
  if (name === 'SIZE' && equals > 0) {
    if (!/^[0-9]{1,20}$/.test(value)) return refuse(501, '5.5.4', 'Bad message size syntax')
    from.sizeBytes = Number(value)
  } else if (name === 'BODY' && /^(7BIT|8BITMIME)$/i.test(value)) {
    from.body = value.toUpperCase() as '7BIT' | '8BITMIME'
  } else if (name === 'SMTPUTF8' && equals < 0 && has.smtpUtf8) from.smtpUtf8 = true
  else if (name === 'REQUIRETLS' && equals < 0 && has.requireTls) from.requireTls = true
  // Postfix: VERP_README. Which characters may delimit is for the handler to say.
  else if (name === 'XVERP' && has.verp) from.verp = equals < 0 ? 'default' : { delimiters: value }
  else if (name === 'RET' && has.dsn) {
    if (from.ret !== undefined || !/^(FULL|HDRS)$/i.test(value)) {
      return refuse(501, '5.5.4', 'Bad RET parameter syntax')
    }
    from.ret = value.toUpperCase() as 'FULL' | 'HDRS'
  } else if (name === 'ENVID' && has.dsn) {
    const envid = value.length > 100 ? undefined : decodeXtext(value)
    if (from.envid !== undefined || envid === undefined || envid === '') {
      return refuse(501, '5.5.4', 'Bad ENVID parameter syntax')
    }
    from.envid = envid
  } else if (name === 'AUTH' && equals > 0) {
    // RFC 4954 §5: without a reason to trust the client its claim is read and not believed. Relays send it unasked.
    if (value === '' || (value !== '<>' && decodeXtext(value) === undefined)) {
      return refuse(501, '5.5.4', 'Bad AUTH parameter syntax')
    }
  } else return unsupported(word, has)
  return undefined
}

const notifyWords = ['NEVER', 'SUCCESS', 'FAILURE', 'DELAY'] as const
type Notify = (typeof notifyWords)[number]

/** RFC 5321 §4.1.1.3; NOTIFY and ORCPT RFC 3461 §4.1 and §4.2. */
export const parseRcptCommand = (argument: string, has: EnvelopeExtensions): Parsed<RcptTo> => {
  const rest = afterKeyword(argument, 'TO:')
  if (rest === undefined) return refuse(501, '5.5.4', 'Syntax: RCPT TO:<address>')
  if (isLoose(rest, has)) return refuse(501, '5.1.3', 'Bad recipient address syntax')
  const split = splitPathArgument(rest)
  const address: Address | undefined =
    split === undefined ? undefined : parseForwardPath(meantPath(split.path, has))
  if (split === undefined || address === undefined || isLikeOption(address, has))
    return refuse(501, '5.1.3', 'Bad recipient address syntax')
  let notify: Notify[] | undefined
  let originalRecipient: string | undefined
  // Postfix takes an ORCPT of nobody; it says nothing.
  let named = false
  if (split.parameters !== '') {
    for (const word of splitWords(split.parameters)) {
      const upper = word.toUpperCase()
      if (has.dsn && upper.startsWith('NOTIFY=')) {
        const parsed = parseNotify(upper.slice(7))
        if (notify !== undefined || parsed === undefined) {
          return refuse(501, '5.5.4', 'Error: Bad NOTIFY parameter syntax')
        }
        notify = parsed
      } else if (has.dsn && upper.startsWith('ORCPT=')) {
        const parsed = parseOriginalRecipient(word.slice(6))
        if (originalRecipient !== undefined || parsed === undefined) {
          return refuse(501, '5.5.4', 'Error: Bad ORCPT parameter syntax')
        }
        originalRecipient = parsed
        named = !parsed.endsWith(';')
      } else return unsupported(word, has)
    }
  }
  return {
    ok: true,
    value: {
      address: formatAddress(address),
      notify,
      originalRecipient: named ? originalRecipient : undefined,
    },
  }
}

const parseNotify = (value: string): Notify[] | undefined => {
  const words = value.split(',')
  const known = words.filter((word): word is Notify => (notifyWords as readonly string[]).includes(word))
  if (known.length !== words.length || new Set(known).size !== known.length) return undefined
  return known.includes('NEVER') && known.length > 1 ? undefined : known
}

const parseOriginalRecipient = (value: string): string | undefined => {
  const semicolon = value.indexOf(';')
  if (semicolon < 1 || value.length > 500 || !/^[A-Za-z0-9-]+$/.test(value.slice(0, semicolon)))
    return undefined
  const address = decodeXtext(value.slice(semicolon + 1))
  return address === undefined ? undefined : `${value.slice(0, semicolon)};${address}`
}
