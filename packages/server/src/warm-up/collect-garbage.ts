import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

interface Collection {
  readonly type: 'major'
  readonly execution: 'async'
  /** All that can be given back, in several passes. */
  readonly flavor: 'last-resort'
}

/** Gives back what is not needed any more: a tenth of a second in which nothing else happens. */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (how: Collection) => Promise<void>
  setFlagsFromString('--no-expose-gc')
  await collect({ type: 'major', execution: 'async', flavor: 'last-resort' })
}
