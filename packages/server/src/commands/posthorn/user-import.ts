import { readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import {
  AccountError,
  isShadowLine,
  type PasswdLine,
  parsePasswdLine,
  parseShadowLine,
} from '@posthorn/accounts'
import type { Command } from 'commander'
import { errorCode } from '../../start-error.ts'
import { CommandError, exit, readLines, type Shell } from '../shell.ts'
import { type OpenSite, withSite } from '../site.ts'
import type { CommandContext } from './context.ts'

interface ImportUsersOptions {
  readonly domain?: string
  readonly update?: boolean
  readonly dryRun?: boolean
}

interface Outcome {
  readonly kind: 'added' | 'changed' | 'left' | 'failed'
  readonly text: string
}

/** `posthorn user import`: accounts of a passwd-file or of passwd(5) and shadow(5), with their hashes. */
export function addUserImport(user: Command, context: CommandContext): void {
  user
    .command('import <file>')
    .description(
      "make accounts from Dovecot's passwd-file, or from shadow (and the passwd beside it); `-` is standard input",
    )
    .option('--domain <name>', 'for users without one; default: auth_default_realm')
    .option('--update', 'give accounts that exist the password of the file')
    .option('--dry-run', 'only tell what would be done')
    .action((file: string, options: ImportUsersOptions) => importUsers(context, file, options))
}

async function importUsers(
  { shell, site, finish }: CommandContext,
  file: string,
  options: ImportUsersOptions,
): Promise<void> {
  // Read before root becomes the owner of the data folder: shadow is root's.
  const lines = await readUserLines(shell, file)
  await withSite(
    shell,
    site(),
    async (open) => {
      const counts = { added: 0, changed: 0, left: 0, failed: 0 }
      for (const line of lines) {
        const outcome = await importUser(open, line, options)
        counts[outcome.kind]++
        shell.out(`${line.user}: ${outcome.text}\n`)
      }
      const { added, changed, left, failed } = counts
      const would = options.dryRun ? ' (nothing was done)' : ''
      shell.out(`${added} added, ${changed} changed, ${left} left alone, ${failed} failed${would}\n`)
      finish(failed === 0 ? exit.ok : exit.dataError)
    },
    'made',
  )
}

async function importUser(
  { accounts, config }: OpenSite,
  line: PasswdLine,
  { domain, update, dryRun }: ImportUsersOptions,
): Promise<Outcome> {
  const left = (text: string): Outcome => ({ kind: 'left', text: `left alone: ${text}` })
  const { first_valid_uid: firstUid, last_valid_uid: lastUid } = config.values
  if (line.user === 'root') return left('root reads mail through an alias')
  if (line.uid !== undefined && (line.uid < firstUid || (lastUid > 0 && line.uid > lastUid)))
    return left(`uid ${line.uid} is not between first_valid_uid and last_valid_uid`)
  if (line.problem === 'locked') return left('locked')
  if (line.problem !== undefined && line.password !== '') return { kind: 'failed', text: line.problem }
  const address = line.user.includes('@') || domain === undefined ? line.user : `${line.user}@${domain}`
  const password = line.password === '' ? 'without a password' : 'its hash is replaced at the first login'
  try {
    const existing = await accounts.find(address)
    if (existing !== undefined) {
      if (!update || line.password === '') return left(`${existing.address} exists`)
      if (!dryRun) await accounts.setStoredPassword(address, line.password)
      return { kind: 'changed', text: `${existing.address}: password changed (${password})` }
    }
    const { quotaBytes, home } = line
    const made = dryRun
      ? address
      : (await accounts.create({ address, password: '', storedPassword: line.password, quotaBytes, home }))
          .account.address
    return { kind: 'added', text: `${made}: added (${password})` }
  } catch (error) {
    if (!(error instanceof AccountError)) throw error
    return { kind: 'failed', text: error.message }
  }
}

async function readUserLines(shell: Shell, file: string): Promise<readonly PasswdLine[]> {
  const text = file === '-' ? (await readLines(shell)).toString('utf8') : readFile(file)
  const rows = text.split('\n').map((row) => row.replace(/\r$/, ''))
  const isShadow = rows.some(isShadowLine) || basename(file).startsWith('shadow')
  const people = isShadow ? homesBeside(file) : new Map<string, PasswdLine>()
  const lines: PasswdLine[] = []
  for (const [index, row] of rows.entries()) {
    if (row.trim() === '' || row.startsWith('#')) continue
    const line = isShadow ? parseShadowLine(row) : parsePasswdLine(row)
    if (line === undefined)
      throw new CommandError(`${file}:${index + 1}: not a line of a passwd-file or of shadow`, exit.dataError)
    const person = people.get(line.user)
    lines.push(person === undefined ? line : { ...line, uid: person.uid, home: person.home })
  }
  return lines
}

/** passwd(5) beside a shadow file says whose uid and home it is. */
function homesBeside(file: string): ReadonlyMap<string, PasswdLine> {
  if (file === '-') return new Map()
  try {
    const rows = readFileSync(join(dirname(file), 'passwd'), 'utf8')
      .split('\n')
      .map(parsePasswdLine)
    return new Map(rows.flatMap((line) => (line === undefined ? [] : [[line.user, line] as const])))
  } catch {
    return new Map()
  }
}

function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = errorCode(error)
    if (code === '') throw error
    throw new CommandError(
      `cannot read ${file}: ${code}`,
      code === 'EACCES' ? exit.noPermission : exit.unavailable,
    )
  }
}
