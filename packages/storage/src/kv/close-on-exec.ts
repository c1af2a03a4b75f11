import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'

/** F_SETFD and FD_CLOEXEC of <fcntl.h>, everywhere. */
const setFlags = 2
const closeOnExec = 1

type Control = (fd: number, command: number, type: 'int', value: number) => number

let isKept = true

/**
 * What this process has open stays with it (FD_CLOEXEC, fcntl(2)): LMDB opens the file of an index so that each program
 * that is started gets it, to read and to write, whoever it runs as. Call it in the turn of the opening: programs are
 * started by other turns of the same thread, so none gets between. Node opens all else so, and gives a program its
 * standard input and output by a copy.
 */
export function keepFromPrograms(): void {
  try {
    const control = (createRequire(import.meta.url)('koffi') as typeof import('koffi').default)
      .load(null)
      .func('int fcntl(int fd, int command, ...)') as Control
    const folder = process.platform === 'linux' ? '/proc/self/fd' : '/dev/fd'
    // The one of the folder itself is closed by now, and says so.
    for (const name of readdirSync(folder))
      if (Number(name) > 2) control(Number(name), setFlags, 'int', closeOnExec)
  } catch {
    isKept = false
  }
}

/** False: the system could not be told, and a program that is started may write the index. */
export const isKeptFromPrograms = (): boolean => isKept
