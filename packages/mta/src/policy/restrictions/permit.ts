import { restriction } from '../restriction.ts'
import { permit as permitted } from '../verdict.ts'

/** Ends the list in favour. */
export const permit = restriction({ names: ['permit'], make: () => () => permitted })
