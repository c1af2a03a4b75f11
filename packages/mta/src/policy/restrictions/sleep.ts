import { restriction } from '../restriction.ts'
import { PolicyError } from '../restriction-list.ts'
import { dunno } from '../verdict.ts'

/** A client's own deadline is five minutes (RFC 5321 §4.5.3.2). */
const longestSeconds = 240

/** Waits, and goes on with the list. Postfix: sleep. */
export const sleep = restriction({
  names: ['sleep'],
  argument: 'number of seconds',
  make: (_parts, argument) => {
    const seconds = /^\d{1,4}$/.test(argument) ? Number(argument) : Number.NaN
    if (!(seconds <= longestSeconds))
      throw new PolicyError('sleep', `${argument}: expected a number of seconds up to ${longestSeconds}`)
    return () => new Promise((resolve) => setTimeout(resolve, seconds * 1_000, dunno).unref())
  },
})
