import { openStore, type Store, StoreError, type StoreErrorKind, type StoreOptions } from '@posthorn/storage'
import { errorCode, StartError } from '../start-error.ts'

const storeRemedies: Partial<Record<StoreErrorKind, string>> = {
  'newer-version': 'install the newer program again, or restore the backup that it made before its upgrade',
  corrupt: '`posthorn store check` tells what is wrong; `posthorn store rebuild` makes the index anew',
  'no-space': 'make room on the disk of the data folder',
}

/** @throws StartError with the remedy */
export async function openSiteStore(options: StoreOptions): Promise<Store> {
  try {
    return await openStore(options)
  } catch (error) {
    if (error instanceof StoreError)
      throw new StartError(error.message, storeRemedies[error.kind] ?? 'see docs/storage.md', {
        cause: error,
      })
    const code = errorCode(error)
    if (code === '') throw error
    const { path } = error as NodeJS.ErrnoException
    throw new StartError(
      `cannot open the store in ${options.directory}: ${code}${path === undefined ? '' : ` at ${path}`}`,
      code === 'EACCES'
        ? 'make it the own of the user of the server (chown -R)'
        : 'look at that folder and its disk',
      { cause: error },
    )
  }
}
