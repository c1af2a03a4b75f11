import { foldCase } from './case-fold.ts'

export interface BaseSubject {
  /** For SORT and THREAD to compare: case folded (i;unicode-casemap), unless said otherwise. */
  readonly text: string
  /** Whether the subject says that the message answers or forwards another. RFC 5256 §3 REFERENCES (6). */
  readonly isReplyOrForward: boolean
}

const maxSubjectLength = 4096

/** RFC 5256 §2.1, on a decoded subject. */
export const baseSubject = (decoded: string): BaseSubject => {
  const { text, isReplyOrForward } = subjectBase(decoded)
  return { text: foldCase(text), isReplyOrForward }
}

/** As `baseSubject`, in the case it is written in. Linear but for the few blobs that nest. */
export const subjectBase = (decoded: string): BaseSubject => {
  // Step 1: white space becomes one blank.
  let text = decoded.slice(0, maxSubjectLength).replace(/[ \t\r\n]+/g, ' ')
  let isReplyOrForward = false
  for (;;) {
    const trailed = withoutTrailers(text)
    isReplyOrForward ||= trailed.found
    const led = withoutLeaders(trailed.text)
    isReplyOrForward ||= led.found
    text = led.text
    // Step 6: `[Fwd: …]`.
    if (!(/^\[fwd:/i.test(text) && text.endsWith(']'))) break
    text = text.slice(5, -1)
    isReplyOrForward = true
  }
  return { text, isReplyOrForward }
}

interface Cut {
  readonly text: string
  readonly found: boolean
}

/** Step 2: `(fwd)` and blanks at the end. */
const withoutTrailers = (input: string): Cut => {
  let end = input.length
  let found = false
  for (;;) {
    if (end > 0 && input[end - 1] === ' ') end--
    else if (/^\(fwd\)$/i.test(input.slice(Math.max(0, end - 5), end))) {
      end -= 5
      found = true
    } else return { text: input.slice(0, end), found }
  }
}

/** Steps 3 to 5: `Re:`, `Fwd [x]:`, and `[blobs]` as long as something stays. */
const withoutLeaders = (input: string): Cut => {
  let start = 0
  let found = false
  for (;;) {
    while (input[start] === ' ') start++
    const leader = leaderEnd(input, start)
    if (leader > start) {
      start = leader
      found = true
      continue
    }
    const blob = blobEnd(input, start)
    if (blob === start || blob >= input.length) return { text: input.slice(start), found }
    start = blob
  }
}

/** subj-leader = (*subj-blob subj-refwd). Where it ends, or `start` when there is none. */
const leaderEnd = (input: string, start: number): number => {
  let at = start
  for (let next = blobEnd(input, at); next > at; next = blobEnd(input, at)) at = next
  const word = /^(?:re|fwd?)/i.exec(input.slice(at, at + 3))?.[0]
  if (word === undefined) return start
  at += word.length
  while (input[at] === ' ') at++
  at = blobEnd(input, at)
  return input[at] === ':' ? at + 1 : start
}

/** subj-blob = "[" *BLOBCHAR "]" *WSP; a blob holds no brackets. */
const blobEnd = (input: string, start: number): number => {
  if (input[start] !== '[') return start
  let at = start + 1
  while (at < input.length && input[at] !== '[' && input[at] !== ']') at++
  if (input[at] !== ']') return start
  at++
  while (input[at] === ' ') at++
  return at
}
