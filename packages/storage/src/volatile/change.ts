import { type Environment, transact } from '../kv/environment.ts'
import { refusalOf } from '../kv/no-space.ts'

/** A transaction of what ends with the boot. Throws 'no-space', 'read-only'. */
export const change = (environment: Environment, work: () => void): void => {
  try {
    transact(environment, work)
  } catch (error) {
    throw refusalOf(error)
  }
}
