import type { ConfigValues } from '../config/schema/schema.ts'

/** What one of several processes may have of a limit that is meant for all: connections go to them in turn. */
export const shareOf = (limit: number, { workers }: Pick<ConfigValues, 'workers'>): number =>
  limit === Number.MAX_SAFE_INTEGER ? limit : Math.ceil(limit / Math.max(1, workers))
