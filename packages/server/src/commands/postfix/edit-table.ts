import { existsSync, readFileSync } from 'node:fs'
import { logicalLines, splitMapEntry } from '@posthorn/mta/tables'
import { writeConfigFile } from '../../config/edit-main-cf.ts'
import { errorCode } from '../../start-error.ts'
import { CommandError, exit, type Shell } from '../shell.ts'

/** What to do with a key that is there already. Postfix: postmap -w, -r. */
export type Duplicates = 'warned' | 'ignored' | 'replaced'

type Format = 'map' | 'aliases'

const expected = { map: 'expected format: key whitespace value', aliases: 'need name:value pair' }

/**
 * `postmap -i`, `-d`: a table is its text file here, so that is where entries are added and taken away;
 * comments and everything else stay. Only tables of fixed keys.
 */
export function addEntries(
  spec: string,
  lines: string,
  format: Format,
  duplicates: Duplicates,
  shell: Shell,
): void {
  const path = editablePath(spec)
  if (path === undefined)
    throw new CommandError(
      `unsupported dictionary type: ${spec.split(':', 1)[0]} does not support bulk-mode creation.`,
    )
  const program = format === 'map' ? 'postmap' : 'postalias'
  let text = readOrEmpty(path)
  const keys = new Set([...logicalLines(text)].map((line) => keyOf(line.text, format)))
  for (const { text: line, number } of logicalLines(lines)) {
    const key = keyOf(line, format)
    if (key === undefined) {
      shell.err(`${program}: warning: stdin, line ${number}: ${expected[format]}\n`)
      continue
    }
    if (keys.has(key)) {
      if (duplicates === 'warned') shell.err(`${program}: warning: ${path}: duplicate entry: "${key}"\n`)
      if (duplicates !== 'replaced') continue
      text = without(text, key, format)
    }
    keys.add(key)
    text += `${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`
  }
  writeConfigFile(path, text)
}

/** False: there was no such key. */
export function deleteEntries(spec: string, keys: readonly string[], format: Format): boolean {
  const path = editablePath(spec)
  if (path === undefined) throw new CommandError(`${spec} map requires O_RDONLY access mode`)
  refuseMissing(spec, 'open database')
  const before = readOrEmpty(path)
  const after = keys.reduce((text, key) => without(text, key.toLowerCase(), format), before)
  if (after === before) return false
  writeConfigFile(path, after)
  return true
}

/** The file of a table of fixed keys; undefined: of another kind. */
/** Of a type whose tables are built from text. texthash: is asked only, in Postfix too. */
function editablePath(spec: string): string | undefined {
  return spec.startsWith('texthash:') ? undefined : textPath(spec)
}

function textPath(spec: string): string | undefined {
  const [type = '', ...rest] = spec.split(':')
  return ['hash', 'lmdb', 'btree', 'dbm', 'cdb', 'texthash'].includes(type) ? rest.join(':') : undefined
}

/** A table that is not there, in the words of a program that builds (`open`) or asks it. */
export function refuseMissing(spec: string, what: 'open' | 'open database'): void {
  const path = textPath(spec)
  if (path !== undefined && !existsSync(path))
    throw new CommandError(`${what} ${path}: No such file or directory`)
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return ''
    throw new CommandError(`open ${path}: ${errorCode(error)}`, exit.failure)
  }
}

function keyOf(line: string, format: Format): string | undefined {
  const start = line.slice(0, 4096)
  if (format === 'map') {
    const entry = splitMapEntry(start)
    return entry === undefined || entry.value === '' ? undefined : entry.key.toLowerCase()
  }
  const [, quoted, plain] = /^"((?:[^"\\]|\\.)*)"\s*:|^([^\s:]+)\s*:/.exec(start) ?? []
  return (quoted?.replaceAll(/\\(.)/g, '$1') ?? plain)?.toLowerCase()
}

/** The text without the lines of one entry, those that continue it included. */
function without(text: string, key: string, format: Format): string {
  const lines = text.split('\n')
  const gone = new Set<number>()
  for (const { number, text: logical } of logicalLines(text)) {
    if (keyOf(logical, format) !== key) continue
    let at = number - 1
    gone.add(at)
    while (/^[ \t]+[^\s#]/.test(lines[at + 1] ?? '')) gone.add(++at)
  }
  return lines.filter((_, index) => !gone.has(index)).join('\n')
}
