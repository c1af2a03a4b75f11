import { type SearchCriteria, systemFlag } from '@posthorn/storage'
import { CommandError, exit } from '../../shell.ts'
import { wrongArguments } from './call.ts'
import { mailboxMask } from './mailbox.ts'
import { type Moment, momentOf, sizeOf } from './query-values.ts'

/** A search of one user's mail: what the store looks for, and in which mailboxes. */
export type Query =
  | { readonly kind: 'and' | 'or'; readonly of: readonly Query[] }
  | { readonly kind: 'not'; readonly of: Query }
  /** `name`: of that one alone, which should be there. */
  | {
      readonly kind: 'mailbox'
      readonly matches: (name: string, guid: string) => boolean
      readonly name?: string
    }
  /** Numbers and ranges, `*` for the last. */
  | { readonly kind: 'sequence' | 'uid'; readonly ranges: readonly (readonly [number, number])[] }
  | { readonly kind: 'recent' }
  | { readonly kind: 'messages'; readonly criteria: SearchCriteria }

const messages = (criteria: SearchCriteria): Query => ({ kind: 'messages', criteria })
const not = (of: Query): Query => ({ kind: 'not', of })
const flag = (name: keyof typeof systemFlag): Query => messages({ kind: 'flag', mask: systemFlag[name] })
const recent: Query = { kind: 'recent' }

/** Without an argument. */
const words: Readonly<Record<string, Query>> = {
  ALL: messages({ kind: 'all' }),
  ANSWERED: flag('answered'),
  DELETED: flag('deleted'),
  DRAFT: flag('draft'),
  FLAGGED: flag('flagged'),
  SEEN: flag('seen'),
  UNANSWERED: not(flag('answered')),
  UNDELETED: not(flag('deleted')),
  UNDRAFT: not(flag('draft')),
  UNFLAGGED: not(flag('flagged')),
  UNSEEN: not(flag('seen')),
  RECENT: recent,
  OLD: not(recent),
  NEW: { kind: 'and', of: [recent, not(flag('seen'))] },
}

type WithArgument = (argument: string, nowMs: number) => Query

const field =
  (name: string): WithArgument =>
  (value) =>
    messages({ kind: 'header', name, value })

const dated =
  (kind: 'internal-date' | 'save-date', relation: 'before' | 'on' | 'since'): WithArgument =>
  (argument, nowMs) => {
    const { fromMs, toMs } = momentOf(argument, nowMs)
    const [from, to] =
      relation === 'before'
        ? [startOfTime, fromMs]
        : relation === 'since'
          ? [fromMs, endOfTime]
          : [fromMs, toMs]
    return messages({ kind, fromMs: from, toMs: to })
  }
const endOfTime = Number.MAX_SAFE_INTEGER
/** The first that a Date can say. */
const startOfTime = -8_640_000_000_000_000

const sent =
  (between: (moment: Moment) => readonly [number, number]): WithArgument =>
  (argument, nowMs) => {
    const [fromDay, toDay] = between(momentOf(argument, nowMs))
    return messages({ kind: 'sent-date', fromDay, toDay })
  }

const numbers =
  (kind: 'sequence' | 'uid'): WithArgument =>
  (argument) => ({ kind, ranges: rangesOf(argument, kind === 'uid' ? 'UID messageset' : 'messageset') })

const withArgument: Readonly<Record<string, WithArgument>> = {
  BCC: field('bcc'),
  CC: field('cc'),
  FROM: field('from'),
  SUBJECT: field('subject'),
  TO: field('to'),
  BODY: (value) => messages({ kind: 'body', value }),
  TEXT: (value) => messages({ kind: 'text', value }),
  KEYWORD: (name) => messages({ kind: 'keyword', name }),
  UNKEYWORD: (name) => not(messages({ kind: 'keyword', name })),
  LARGER: (size) => messages({ kind: 'larger', sizeBytes: sizeOf(size) }),
  SMALLER: (size) => messages({ kind: 'smaller', sizeBytes: sizeOf(size) }),
  BEFORE: dated('internal-date', 'before'),
  ON: dated('internal-date', 'on'),
  SINCE: dated('internal-date', 'since'),
  SAVEDBEFORE: dated('save-date', 'before'),
  SAVEDON: dated('save-date', 'on'),
  SAVEDSINCE: dated('save-date', 'since'),
  SENTBEFORE: sent(({ day }) => [Number.MIN_SAFE_INTEGER, day]),
  SENTON: sent(({ day }) => [day, day + 1]),
  SENTSINCE: sent(({ day }) => [day, endOfTime]),
  UID: numbers('uid'),
  MAILBOX: (mask) => ({
    kind: 'mailbox',
    matches: mailboxMask(mask),
    ...(/[*%?]/.test(mask) ? {} : { name: mask }),
  }),
  'MAILBOX-GUID': (wanted) => ({ kind: 'mailbox', matches: (_, guid) => guid === wanted.toLowerCase() }),
}

/**
 * The words of doveadm-search-query(7).
 *
 * @param nowMs ms since 1970: what `30d` counts from
 * @throws CommandError
 */
export function queryOf(given: readonly string[], nowMs: number): Query {
  const rest = [...given]
  const query = group(rest, nowMs, 'outermost')
  if (rest.length > 0) throw wrong("Unexpected ')'")
  return query
}

/** Keys that all hold, or one of which holds. */
function group(rest: string[], nowMs: number, place: 'outermost' | 'within'): Query {
  const of: Query[] = []
  let joint: 'and' | 'or' | undefined
  while (rest.length > 0 && rest[0] !== ')') {
    if (of.length > 0) {
      const next = rest[0]?.toUpperCase() === 'OR' ? 'or' : 'and'
      if (joint !== undefined && joint !== next) throw wrong('Use parenthesis when mixing ANDs and ORs')
      joint = next
      if (next === 'or') rest.shift()
    }
    of.push(key(rest, nowMs))
  }
  if (place === 'within' && rest.shift() !== ')') throw wrong("Missing ')'")
  if (of.length === 0) throw wrong('Missing argument')
  return of.length === 1 ? (of[0] as Query) : { kind: joint ?? 'and', of }
}

function key(rest: string[], nowMs: number): Query {
  const word = rest.shift()
  if (word === undefined || word === ')') throw wrong('Missing argument')
  if (word === '(') return group(rest, nowMs, 'within')
  const name = word.toUpperCase()
  if (name === 'NOT') return not(key(rest, nowMs))
  const plain = words[name]
  if (plain !== undefined) return plain
  if (/^[\d*]/.test(word)) return numbers('sequence')(word, nowMs)
  const argument = (): string => {
    const value = rest.shift()
    if (value === undefined) throw wrong(`Missing parameter for search key (for search key: ${name})`)
    return value
  }
  if (name === 'HEADER')
    return messages({ kind: 'header', name: argument().toLowerCase(), value: argument() })
  const make = withArgument[name]
  if (make === undefined) throw wrong(`Unknown argument ${name}`)
  return make(argument(), nowMs)
}

function rangesOf(text: string, what: string): readonly (readonly [number, number])[] {
  return text.split(',').map((part) => {
    const match = /^(\d{1,10}|\*)(?::(\d{1,10}|\*))?$/.exec(part)
    const [from, to] = [match?.[1], match?.[2] ?? match?.[1]].map((one) => (one === '*' ? last : Number(one)))
    if (match === null || from === undefined || to === undefined || from === 0 || to === 0)
      throw wrong(`Invalid ${what}`)
    return from <= to ? [from, to] : [to, from]
  })
}

/** `*` */
export const last = Number.MAX_SAFE_INTEGER

const wrong = (text: string): CommandError => new CommandError(text, wrongArguments)

/** That nothing is removed by a slip. @throws CommandError in Dovecot's words */
export function refuseAccidents(query: Query): void {
  const accident = 'expunge: To avoid accidents,'
  if (!inEachBranch(query, (one) => one.kind === 'mailbox'))
    throw new CommandError(`${accident} search query must contain MAILBOX in all search branches`, exit.usage)
  if (!inEachBranch(query, (one) => one.kind !== 'mailbox'))
    throw new CommandError(
      `${accident} each branch in search query must contain something else besides MAILBOX (e.g. just add "all" if you want everything)`,
      exit.usage,
    )
}

function inEachBranch(query: Query, isWanted: (leaf: Query) => boolean): boolean {
  if (query.kind === 'and') return query.of.some((one) => inEachBranch(one, isWanted))
  if (query.kind === 'or') return query.of.every((one) => inEachBranch(one, isWanted))
  // What is not in a mailbox is everywhere else.
  if (query.kind === 'not') return query.of.kind !== 'mailbox' && isWanted(query.of)
  return isWanted(query)
}
