import { StoreError } from '../contract.ts'

/** ENOSPC and EDQUOT of the system, MAP_FULL of LMDB, and its 5 (EIO): a write that came out short. */
export const isNoSpace = (error: unknown): boolean => {
  if (error instanceof StoreError) return error.kind === 'no-space'
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === -30792 || code === 28 || code === 5) return true
  return typeof message === 'string' && /No space left|MDB_MAP_FULL|ENOSPC/.test(message)
}

export const noSpace = (cause: unknown): StoreError =>
  cause instanceof StoreError
    ? cause
    : new StoreError('no-space', 'Cannot write: no space left on the disk', { cause })
