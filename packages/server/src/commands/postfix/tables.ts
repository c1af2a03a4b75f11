import { readFileSync } from 'node:fs'
import { answered, createTables, LookupFailed, type LookupTable, TableError } from '@posthorn/mta/tables'
import { inspectConfig } from '../../config/load-config.ts'
import { errorCode } from '../../start-error.ts'
import { getopt, type Options } from '../getopt.ts'
import { CommandError, exit, readLines, type Shell } from '../shell.ts'
import type { SiteOptions } from '../site.ts'
import { addEntries, deleteEntries, refuseMissing } from './edit-table.ts'
import { keysOf, messageKeysOf } from './message-keys.ts'

const mapUsage = 'postmap [-bfFhimnNoprsuUvw] [-c config_dir] [-d key] [-q key] [map_type:]file...'
const aliasUsage = 'postalias [-Nfinoprsuvw] [-c config_dir] [-d key] [-q key] [map_type:]file...'

/**
 * Checks or asks tables. The server reads the text files themselves, so there is nothing to build: a run
 * without -q says what is wrong with the file, and is otherwise silent. Postfix: postmap(1).
 */
export async function postmap(args: readonly string[], shell: Shell): Promise<number> {
  return run(args, 'bc:d:fFhimnNopq:rsuUvw', mapUsage, 'map', shell)
}

/** The same for alias files. Postfix: postalias(1). */
export async function postalias(args: readonly string[], shell: Shell): Promise<number> {
  return run(args, 'c:d:finNopq:rsuvw', aliasUsage, 'aliases', shell)
}

/** The tables of alias_database. Postfix: newaliases(1). */
export async function checkAliasDatabase(shell: Shell, site: SiteOptions): Promise<number> {
  const { config } = inspectConfig({ configOption: site.config, environment: shell.environment })
  return check(config.values.alias_database, 'aliases', shell)
}

type Format = 'map' | 'aliases'

async function run(
  args: readonly string[],
  letters: string,
  usage: string,
  format: Format,
  shell: Shell,
): Promise<number> {
  const options = getopt(args, letters, usage)
  if (options.rest.length === 0) throw new CommandError(`usage: ${usage}`)
  if (['d', 'q', 's'].filter((flag) => options.has(flag)).length > 1)
    throw new CommandError('specify only one of -s or -q or -d')
  refuseMessageKeys(options, shell)
  const configOption = options.value('c')
  if (configOption !== undefined) inspectConfig({ configOption, environment: shell.environment })
  const specs = options.rest.map((name) => (/^[a-z]+:/.test(name) ? name : `hash:${name}`))
  if (options.has('d')) return await remove(specs, options, format, shell)
  if (options.has('s')) return list(open(specs, format, shell, options), format, shell)
  const query = options.value('q')
  if (query === undefined)
    return options.has('i') ? await add(specs, options, format, shell) : check(specs, format, shell)
  const tables = open(specs, format, shell, options)
  if (query === '-') return answerLines(tables, options, format, shell)
  const value = await first(tables, query)
  if (value === undefined) return exit.failure
  shell.out(`${shown(value, format)}\n`)
  return exit.ok
}

function refuseMessageKeys(options: Options, shell: Shell): void {
  const wanted = ['b', 'h', 'm'].some((flag) => options.has(flag))
  if (wanted && options.value('q') !== '-') throw new CommandError('specify -b -h or -m only with "-q -"')
  if (options.has('m') && !options.has('b') && !options.has('h'))
    shell.err('postmap: warning: ignoring -m option without -b or -h\n')
}

/** `postmap -i`: entries from standard input. */
async function add(
  specs: readonly string[],
  options: Options,
  format: Format,
  shell: Shell,
): Promise<number> {
  const lines = (await readLines(shell)).toString('utf8')
  const duplicates = options.has('r') ? 'replaced' : options.has('w') ? 'ignored' : 'warned'
  for (const spec of specs) addEntries(spec, lines, format, duplicates, shell)
  return exit.ok
}

/** `postmap -d KEY`, or the keys of standard input for `-`. */
async function remove(
  specs: readonly string[],
  options: Options,
  format: Format,
  shell: Shell,
): Promise<number> {
  const key = options.value('d') ?? ''
  const keys =
    key === '-'
      ? (await readLines(shell))
          .toString('utf8')
          .split('\n')
          .filter((line) => line !== '')
      : [key]
  const found = specs.map((spec) => deleteEntries(spec, keys, format))
  return found.includes(true) ? exit.ok : exit.failure
}

/** `postmap -s`: keys and values as the server has read them. */
function list(tables: readonly LookupTable[], format: Format, shell: Shell): number {
  for (const table of tables) {
    if (table.entries === undefined)
      throw new CommandError(`table ${table.name}: sequence operation is not supported`)
    for (const [key, value] of table.entries()) shell.out(line(key, value, format))
  }
  return exit.ok
}

const line = (key: string, value: string, format: Format): string =>
  `${key}${format === 'aliases' ? ':' : ''}\t${shown(value, format)}\n`

/** A list of aliases(5) with one blank where there may be several and line ends. */
function shown(value: string, format: Format): string {
  return format === 'map'
    ? value
    : value.replaceAll(/"(?:[^"\\]|\\.)*"|\s*,\s*|\s+/g, (part) =>
        part[0] === '"' ? part : part.includes(',') ? ', ' : ' ',
      )
}

/** Each line of standard input, or each part of a message, is a key; `key<TAB>value` is printed for those found. */
async function answerLines(
  tables: readonly LookupTable[],
  options: Options,
  format: Format,
  shell: Shell,
): Promise<number> {
  let found = 0
  for (const key of await keysOf(await readLines(shell), messageKeysOf(options))) {
    const value = await first(tables, key)
    if (value === undefined) continue
    found++
    shell.out(line(key, value, format))
  }
  return found > 0 ? exit.ok : exit.failure
}

async function first(tables: readonly LookupTable[], key: string): Promise<string | undefined> {
  for (const table of tables) {
    try {
      const value = await answered(() => table.lookup(key))
      if (value !== undefined) return value
    } catch (error) {
      if (error instanceof LookupFailed) throw new CommandError(`table ${table.name}: query error`)
      throw error
    }
  }
  return undefined
}

function check(specs: readonly string[], format: Format, shell: Shell): number {
  open(specs, format, shell)
  return exit.ok
}

/** Types whose text Postfix reads at each use too: their faults are told to whoever asks. */
const readAsText = /^(?:proxy:)?(?:texthash|regexp|pcre|cidr):/

/** What is wrong with a line of another is told by a check: who asks wants the answer. */
function open(
  specs: readonly string[],
  format: Format,
  shell: Shell,
  options?: Options,
): readonly LookupTable[] {
  const program = format === 'map' ? 'postmap' : 'postalias'
  for (const spec of specs) refuseMissing(spec, options === undefined ? 'open' : 'open database')
  const tells = specs.some((spec) => readAsText.test(spec))
  const tables = createTables({
    now: shell.now,
    log: (event) => {
      const quiet = options !== undefined && !tells && /, line \d+: /.test(event.text)
      if (event.level !== 'debug' && event.level !== 'info' && !quiet)
        shell.err(`${program}: ${event.level}: ${event.text}\n`)
    },
    unsafeFiles: 'warn',
    environment: shell.environment,
    keys: options?.has('f') === true ? 'as-given' : 'folded',
  })
  try {
    const opened = specs
      .map((spec) => (format === 'aliases' ? tables.openAliases([spec])[0] : tables.open(spec)))
      .filter((table) => table !== undefined)
    return options?.has('F') === true ? opened.map(withContents) : opened
  } catch (error) {
    if (error instanceof TableError) throw new CommandError(error.message)
    throw error
  }
}

/** Values are names of files, and answers what these hold, one after the other. Postfix: postmap -F. */
function withContents(table: LookupTable): LookupTable {
  const contents = (value: string): string =>
    value
      .split(/[\s,]+/)
      .map(contentOf)
      .join('')
  const { entries } = table
  return {
    ...table,
    lookup(key) {
      const value = table.lookup(key)
      return value === undefined ? undefined : contents(value)
    },
    ...(entries === undefined
      ? {}
      : { entries: () => [...entries()].map(([key, value]) => [key, contents(value)] as const) }),
  }
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new CommandError(`open ${path}: ${errorCode(error)}`)
  }
}
