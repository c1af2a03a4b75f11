import {
  closeSync,
  copyFileSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { makeFolders } from '../make-folders.ts'
import { errorCode, StartError } from '../start-error.ts'

export type MainCfEdit =
  | { readonly kind: 'set'; readonly name: string; readonly value: string }
  | { readonly kind: 'remove' | 'comment'; readonly name: string }

export interface EditedMainCf {
  readonly text: string
  /** Names that stood there more than once. */
  readonly repeated: readonly string[]
}

/**
 * Postfix: postconf -e, -X, -#. A setting is replaced where it stands, or added at the end; its continuation
 * lines go with it; comments, order and everything else stay as they are.
 */
export function editMainCf(text: string, edits: readonly MainCfEdit[]): EditedMainCf {
  const byName = new Map(edits.map((edit) => [edit.name, edit]))
  const seen = new Map<string, number>()
  const out: string[] = []
  let current: MainCfEdit | undefined
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n')
  for (const line of lines) {
    const visible = line.trim()
    if (visible === '' || visible.startsWith('#')) {
      out.push(line)
      continue
    }
    if (!/^[ \t]/.test(line)) {
      const name = line.split('=', 1)[0]?.trim() ?? ''
      current = byName.get(name)
      if (current !== undefined) seen.set(name, (seen.get(name) ?? 0) + 1)
      if (current?.kind === 'set') out.push(`${name} = ${current.value}`)
    }
    if (current === undefined) out.push(line)
    else if (current.kind === 'comment') out.push(`#${line}`)
  }
  for (const edit of byName.values()) {
    if (edit.kind === 'set' && !seen.has(edit.name)) out.push(`${edit.name} = ${edit.value}`)
  }
  return {
    text: out.length === 0 ? '' : `${out.join('\n')}\n`,
    repeated: [...seen].filter(([, count]) => count > 1).map(([name]) => name),
  }
}

const refusals: Readonly<Record<string, readonly [what: string, remedy: string]>> = {
  EACCES: ['Permission denied', 'run this as the user who owns it: root, as a rule'],
  EPERM: ['Operation not permitted', 'run this as the user who owns it: root, as a rule'],
  EROFS: ['Read-only file system', 'edit it where it can be written'],
  ENOSPC: ['No space left on device', 'make room first; the file is as it was'],
}

/** Replaces the file in one step; what was there before is kept as `FILE.bak`. Throws StartError. */
export function writeConfigFile(file: string, text: string): void {
  try {
    replaceFile(file, text)
  } catch (error) {
    const [what, remedy] = refusals[errorCode(error)] ?? []
    if (what === undefined || remedy === undefined) throw error
    throw new StartError(`open ${file} for writing: ${what}`, remedy, { cause: error })
  }
}

function replaceFile(file: string, text: string): void {
  makeFolders(dirname(file), 0o750)
  let before: Stats | undefined
  try {
    before = statSync(file)
    copyFileSync(file, `${file}.bak`)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  const temporary = `${file}.${process.pid}.tmp`
  const handle = openSync(temporary, 'w', 0o644)
  try {
    writeSync(handle, text)
    if (before !== undefined) {
      fchmodSync(handle, before.mode & 0o777)
      if (process.getuid?.() === 0) fchownSync(handle, before.uid, before.gid)
    }
    fsyncSync(handle)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  } finally {
    closeSync(handle)
  }
  renameSync(temporary, file)
}
