import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../../config/config.ts'
import { readableSize } from '../posthorn/columns.ts'
import type { Shell } from '../shell.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

const subject = 'data folder'
const littleFreeBytes = 1 << 30

/** Is it there, ours, private, on a file system with room? */
export function* examineDataFolder(config: Config, shell: Shell): Generator<Finding> {
  const path = config.values.data_directory
  if (!existsSync(path)) {
    yield ok(subject, `${path} is made on the first start`)
    return
  }
  const stat = statSync(path)
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
    yield ok(subject, path)
  } catch {
    yield fail(
      subject,
      `${path} cannot be written by ${shell.userName}`,
      `run as its owner (uid ${stat.uid}), or chown -R ${shell.userName} ${path}`,
    )
  }
  if ((stat.mode & 0o066) !== 0) {
    yield warn(
      subject,
      `${path} has mode ${(stat.mode & 0o777).toString(8)}: it holds everybody's mail`,
      `chmod go-rw ${path}`,
    )
  }
  const store = join(path, 'store')
  if (existsSync(store) && statSync(store).uid !== stat.uid) {
    yield fail(
      subject,
      `${store} belongs to another user than ${path}`,
      `chown -R ${stat.uid}:${stat.gid} ${path}`,
    )
  }
  const { bavail, bsize, ffree, files } = statfsSync(path)
  const freeBytes = bavail * bsize
  const text = `${readableSize(freeBytes)} free`
  if (freeBytes < littleFreeBytes)
    yield warn('disk', text, 'mail is refused for a while (452) when the disk is full: make room')
  else yield ok('disk', text)
  if (files > 0 && ffree < 1000)
    yield fail('disk', `${ffree} free inodes`, 'remove files on this file system')
}
