import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Names in a folder are on the disk. */
export function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

/** The file is there whole, also after power failure, or as it was before. */
export function writeDurably(path: string, content: string, mode: number): void {
  put(path, content, mode, renameSync)
}

/** As `writeDurably`, for the first of several processes. @throws Error 'EEXIST' when the file is there */
export function createDurably(path: string, content: string, mode: number): void {
  put(path, content, mode, linkSync)
}

function put(path: string, content: string, mode: number, name: (from: string, to: string) => void): void {
  const fresh = `${path}.${process.pid}.new`
  try {
    writeFileSync(fresh, content, { mode, flush: true })
    name(fresh, path)
  } finally {
    rmSync(fresh, { force: true })
  }
  syncFolder(dirname(path))
}
