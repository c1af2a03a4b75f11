import { err } from '../errors.ts'
import type { Maildrop } from '../session/maildrop.ts'
import { quoteArgument, readNumber, skipSpaces } from '../wire/number-argument.ts'

export type MessageNumberRead =
  | { readonly number: number; readonly rest: Buffer; readonly refusal?: undefined }
  | { readonly refusal: string }

/** The number of a message that is there and not marked deleted (RFC 1939 §5), or what to say instead. */
export function readMessageNumber(maildrop: Maildrop, argument: Buffer): MessageNumberRead {
  const read = readNumber(skipSpaces(argument))
  if (read.kind === 'invalid') return { refusal: err(`Invalid message number: ${quoteArgument(argument)}`) }
  if (read.kind === 'too-large')
    return { refusal: err(`Message number too large: ${quoteArgument(argument)}`) }
  if (read.value === 0 || read.value > maildrop.count)
    return { refusal: err(`There's no message ${read.value}.`) }
  if (maildrop.isDeleted(read.value)) return { refusal: err('Message is deleted.') }
  return { number: read.value, rest: read.rest }
}

/** As `readMessageNumber`, with nothing behind the number. */
export function readOnlyMessageNumber(maildrop: Maildrop, argument: Buffer): MessageNumberRead {
  const read = readMessageNumber(maildrop, argument)
  if (read.refusal === undefined && read.rest.length > 0)
    return { refusal: err(`Noise after message number: ${quoteArgument(read.rest)}`) }
  return read
}
