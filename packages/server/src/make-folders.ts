import { chmodSync, mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { errorCode } from './start-error.ts'

/**
 * Makes a folder and what is missing above it, of that mode whatever the umask. Where a file system makes no folders (/proc, automount points),
 * it throws ENOENT; Node's own `recursive` tries there for ever.
 */
export function makeFolders(path: string, mode: number): 'made' | 'found' {
  const missing: string[] = []
  let at = resolve(path)
  while (!isFolder(at)) {
    missing.push(at)
    at = dirname(at)
  }
  for (const folder of missing.reverse()) {
    try {
      mkdirSync(folder, { mode })
      if ((statSync(folder).mode & 0o777) !== mode) chmodSync(folder, mode)
    } catch (error) {
      // Another process was quicker.
      if (errorCode(error) !== 'EEXIST' || !isFolder(folder)) throw error
    }
  }
  return missing.length > 0 ? 'made' : 'found'
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch (error) {
    // Only what is not there can be made: that of `/file/x` is ENOTDIR.
    if (errorCode(error) === 'ENOENT') return false
    throw error
  }
}
