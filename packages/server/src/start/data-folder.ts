import { accessSync, constants, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { localSocketAnswers } from '@posthorn/net'
import { errorCode, StartError } from '../start-error.ts'

export interface DataFolder {
  readonly path: string
  readonly storeFolder: string
  readonly controlSocket: string
  readonly pidFile: string
}

export function dataFolderAt(path: string): DataFolder {
  return {
    path,
    storeFolder: join(path, 'store'),
    controlSocket: join(path, 'control.sock'),
    pidFile: join(path, 'posthorn.pid'),
  }
}

/** Makes the folder on the first run (mode 700). Throws StartError when it cannot be used. */
export function prepareDataFolder(path: string): DataFolder {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    const reason = errorCode(error) === '' ? String(error) : errorCode(error)
    throw new StartError(
      `cannot write to the data folder ${path}: ${reason}`,
      'give this user a folder of its own: data_directory in main.cf, or POSTHORN_DATA_DIRECTORY',
      { cause: error },
    )
  }
  return dataFolderAt(path)
}

/** The pid in the pid file when that process lives. */
export function livingPid(folder: DataFolder): number | undefined {
  let pid: number
  try {
    pid = Number.parseInt(readFileSync(folder.pidFile, 'utf8'), 10)
  } catch {
    return undefined
  }
  if (!Number.isInteger(pid) || pid <= 1) return undefined
  try {
    process.kill(pid, 0)
    return pid
  } catch (error) {
    return errorCode(error) === 'EPERM' ? pid : undefined
  }
}

/**
 * Takes the folder for this process. A pid file without a server behind it (killed, or its number given to
 * another program) does not stop a start: the control socket decides.
 */
export async function takeDataFolder(folder: DataFolder): Promise<() => void> {
  if (await localSocketAnswers(folder.controlSocket)) {
    const pid = livingPid(folder)
    throw new StartError(
      `a server is running on ${folder.path} already${pid === undefined ? '' : ` (pid ${pid})`}`,
      '`posthorn stop` stops it; another server needs another data_directory',
    )
  }
  writeFileSync(folder.pidFile, `${process.pid}\n`, { mode: 0o644 })
  return () => rmSync(folder.pidFile, { force: true })
}
