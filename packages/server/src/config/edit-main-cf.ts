import {
  closeSync,
  copyFileSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  renameSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { makeFolders } from '../make-folders.ts'

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

/** Replaces the file in one step; what was there before is kept as `FILE.bak`. */
export function writeConfigFile(file: string, text: string): void {
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
  } finally {
    closeSync(handle)
  }
  renameSync(temporary, file)
}
