import { storedPasswordProblem } from '../schemes/stored-password.ts'

/** A line of passwd(5), shadow(5) or Dovecot's passwd-file. */
export interface PasswdLine {
  readonly user: string
  /** '' when there is none: `x`, `*`, `!`, nothing. */
  readonly password: string
  /** Why nobody can log in with it. */
  readonly problem: string | undefined
  readonly uid: number | undefined
  readonly home: string
  readonly quotaBytes: number
}

/** How passwords of nobody look. */
const noPassword = /^(x|\*.*|!.*)?$/

/**
 * Dovecot: `user:password:uid:gid:(gecos):home:(shell):extra_fields`; passwd(5) is the same without the last.
 * undefined: a comment, an empty line, or no line of such a file.
 */
export function parsePasswdLine(line: string): PasswdLine | undefined {
  const [user = '', password = '', uid = '', , , home = '', , ...extra] = splitFields(line)
  if (user === '' || user.startsWith('#') || !line.includes(':')) return undefined
  const fields = extraFields(extra.join(':'))
  return {
    user,
    password: noPassword.test(password) ? '' : password,
    problem: passwordProblem(password) ?? extraProblem(fields),
    uid: /^\d{1,10}$/.test(uid) ? Number(uid) : undefined,
    home: home.startsWith('/') ? home.replace(/\/\.\/.*$/s, '') : '',
    quotaBytes: quotaOf(fields),
  }
}

/** shadow(5): `user:password:days…`; nothing behind the password is a uid. */
export function parseShadowLine(line: string): PasswdLine | undefined {
  const [user = '', password = ''] = line.split(':')
  if (user === '' || user.startsWith('#') || !line.includes(':')) return undefined
  return {
    user,
    password: noPassword.test(password) ? '' : password,
    problem: passwordProblem(password),
    uid: undefined,
    home: '',
    quotaBytes: 0,
  }
}

/** Nine fields, the third to the eighth of them days: shadow. */
export const isShadowLine = (line: string): boolean =>
  line.split(':').length === 9 && /^\d*$/.test(line.split(':').slice(2, 8).join(''))

/** A colon in `{PLAIN}` would end it, as it does in Dovecot. */
const splitFields = (line: string): readonly string[] => line.split(':')

function passwordProblem(password: string): string | undefined {
  if (password.startsWith('!') || password.startsWith('*')) return 'locked'
  return noPassword.test(password) ? 'no password' : storedPasswordProblem(password)
}

function extraFields(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (const word of text.split(/[ \t]+/)) {
    const [name = '', ...value] = word.split('=')
    if (name !== '') fields.set(name, value.join('='))
  }
  return fields
}

/** What restricts a login there and is not obeyed here must not let anybody in. */
function extraProblem(fields: ReadonlyMap<string, string>): string | undefined {
  for (const name of ['nologin', 'proxy', 'allow_nets', 'host'])
    if (fields.has(name)) return `"${name}" is not obeyed here`
  return undefined
}

/** `userdb_quota_rule=*:storage=1G`; a bare number is in kilobytes. */
function quotaOf(fields: ReadonlyMap<string, string>): number {
  const rule = fields.get('userdb_quota_rule') ?? fields.get('quota_rule') ?? ''
  const match = /^\*:(?:storage|bytes)=(\d{1,12})([bkMGT]?)$/i.exec(rule)
  if (match === null) return 0
  const powers: Readonly<Record<string, number>> = {
    B: 0,
    '': rule.includes(':bytes=') ? 0 : 1,
    K: 1,
    M: 2,
    G: 3,
    T: 4,
  }
  return Number(match[1]) * 1024 ** powers[(match[2] ?? '').toUpperCase()]!
}
