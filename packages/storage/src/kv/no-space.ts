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

/** Of a disk that is broken, gone, or read-only since the kernel found a fault in it. */
const refusing = new Set<unknown>(['EROFS', 'EIO', 'ENXIO', 'ENODEV', 'ESTALE'])

/** What the caller of a write is told: 'no-space', 'read-only' for a disk that takes nothing, or what it was. */
export const refusalOf = (error: unknown, what = 'Cannot write'): unknown => {
  if (error instanceof StoreError) return error
  if (isNoSpace(error))
    return new StoreError('no-space', `${what}: no space left on the disk`, { cause: error })
  const { code } = (error ?? {}) as { code?: unknown }
  if (!refusing.has(code)) return error
  return new StoreError('read-only', `${what}: the disk refuses it (${code}); the kernel's log says why`, {
    cause: error,
  })
}
