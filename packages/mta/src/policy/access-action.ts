import type { Answer } from '@posthorn/smtp'
import type { LookupTable } from '../tables/index.ts'
import { parseFilter } from './content-filter.ts'
import { refusalOf, splitStatus } from './reply-text.ts'
import type { PolicyRequest, Subject } from './request.ts'
import type { AccessAction, PolicyParts } from './restriction.ts'
import { maxDepth, PolicyError, type RestrictionList } from './restriction-list.ts'
import { configurationError, dunno, permit, type Refusal, type Verdict } from './verdict.ts'

export interface ActionSource {
  readonly codes: PolicyParts['codes']
  readonly log: PolicyParts['log']
  readonly permits?: PolicyParts['permits']
  /** An answer that is a list of restrictions. Throws PolicyError. */
  readonly readList: (text: string) => RestrictionList
  readonly run: (
    list: RestrictionList,
    request: PolicyRequest,
    subject: Subject,
    depth: number,
  ) => Answer<Verdict>
}

const maxCachedLists = 1_000

/** Carries out what an access(5) table answers. A bad answer is `451 4.3.5` and a warning, never a permit. */
export function createAccessAction(source: ActionSource): AccessAction {
  const lists = new Map<string, RestrictionList>()

  function listOf(text: string): RestrictionList {
    const found = lists.get(text)
    if (found !== undefined) return found
    const list = source.readList(text)
    if (lists.size >= maxCachedLists) lists.clear()
    lists.set(text, list)
    return list
  }

  return (action, table, key, subject, request, depth) => {
    const trimmed = action.trim()
    if (trimmed === '') {
      warn(source, table, key, 'there is no action')
      const refusal = refusalOf(subject, 451, '4.3.5', 'Server configuration error')
      return { kind: 'refuse', refusal }
    }
    const end = trimmed.search(/\s/)
    const word = end === -1 ? trimmed : trimmed.slice(0, end)
    const text = end === -1 ? '' : trimmed.slice(end + 1).trim()
    const plain = plainVerdict(word, text, subject, source.codes)
    if (plain?.kind === 'permit' || /^discard$/i.test(word))
      source.permits?.table(word, table.name, subject, request)
    if (plain !== undefined) return plain
    const effect = effectVerdict(word.toUpperCase(), text, subject, request)
    if (effect === 'incomplete') {
      // Postfix goes on: mail is not refused for the want of what would be done to it.
      warn(source, table, key, `${word} action without ${text === '' ? 'its text' : 'a valid one'}: ignored`)
      return dunno
    }
    if (effect !== undefined) return effect
    if (depth >= maxDepth) return misconfigured('recursion limit reached')
    try {
      return source.run(listOf(trimmed), request, subject, depth + 1)
    } catch (error) {
      if (!(error instanceof PolicyError) && !(error instanceof Error && error.name === 'TableError'))
        throw error
      return misconfigured(error.message)
    }

    function misconfigured(reason: string): Verdict {
      warn(source, table, key, reason)
      return { kind: 'refuse', refusal: configurationError }
    }
  }
}

function warn(source: ActionSource, table: LookupTable, key: string, reason: string): void {
  source.log({
    level: 'warning',
    service: 'smtpd',
    text: `access table ${table.name}: entry "${key}": ${reason}`,
  })
}

function plainVerdict(
  word: string,
  text: string,
  subject: Subject,
  codes: PolicyParts['codes'],
): Verdict | undefined {
  switch (word.toUpperCase()) {
    case 'OK':
    case 'RELAY':
    case 'PERMIT':
      return permit
    case 'DUNNO':
      return dunno
    case 'REJECT':
      return { kind: 'refuse', refusal: refusal(subject, codes.accessMapRejectCode, text, 'Access denied') }
    case 'DEFER':
      return { kind: 'refuse', refusal: refusal(subject, codes.accessMapDeferCode, text, 'Access denied') }
    case 'DEFER_IF_PERMIT':
      return {
        kind: 'defer-if-permit',
        refusal: refusal(subject, codes.accessMapDeferCode, text, 'Service unavailable'),
      }
    case 'DEFER_IF_REJECT':
      return {
        kind: 'defer-if-reject',
        refusal: refusal(subject, codes.accessMapDeferCode, text, 'Service unavailable'),
      }
  }
  if (/^[45]\d\d$/.test(word) && text !== '') {
    return { kind: 'refuse', refusal: refusal(subject, Number(word), text, 'Access denied') }
  }
  // Pop-before-smtp programs write numbers; so a code without text permits, as in Postfix.
  return text === '' && /^\d+$/.test(word) ? permit : undefined
}

function refusal(subject: Subject, code: number, text: string, fallback: string): Refusal {
  const split = splitStatus(text, code >= 500 ? '5.7.1' : '4.7.1')
  return refusalOf(subject, code, split.status, split.text === '' ? fallback : split.text)
}

function effectVerdict(
  word: string,
  text: string,
  subject: Subject,
  request: PolicyRequest,
): Verdict | 'incomplete' | undefined {
  const said = (otherwise: string, own = text) =>
    `<${subject.name}>: ${subject.class} ${own === '' ? otherwise : own}`
  switch (word) {
    case 'HOLD':
      return { kind: 'effect', effect: { kind: 'hold', text: said('triggers HOLD action') } }
    case 'DISCARD':
      return { kind: 'effect', effect: { kind: 'discard', text: said('triggers DISCARD action') } }
    case 'WARN':
      return { kind: 'effect', effect: { kind: 'warn', text } }
    case 'INFO':
      return { kind: 'effect', effect: { kind: 'inform', text } }
    case 'FILTER': {
      const filter = parseFilter(text)
      return filter === undefined
        ? 'incomplete'
        : { kind: 'effect', effect: { kind: 'filter', ...filter, text: said(`triggers FILTER ${text}`, '') } }
    }
    case 'REDIRECT':
    case 'BCC': {
      if (!/^[^\s@]+@[^\s@]+$/.test(text)) return 'incomplete'
      const kind = word === 'BCC' ? 'bcc' : 'redirect'
      return { kind: 'effect', effect: { kind, address: text, text: said(`triggers ${word} ${text}`, '') } }
    }
    case 'PREPEND':
      // After the message it is too late, and a field needs a name.
      if (request.command === 'END-OF-MESSAGE') return 'incomplete'
      return /^[!-9;-~]+:/.test(text) && !/[\r\n]/.test(text)
        ? { kind: 'effect', effect: { kind: 'prepend', field: text } }
        : 'incomplete'
  }
  return undefined
}
