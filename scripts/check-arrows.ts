/**
 * The arrows of the house: which package may import which, and the four doors (design: ARCHITECTURE.md).
 * Prints one line for each breach and exits 1. TypeScript's project references do not see arrows through
 * workspace names, so this does.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const arrows: Readonly<Record<string, readonly string[]>> = {
  mail: [],
  net: [],
  dns: [],
  sasl: [],
  storage: ['mail'],
  accounts: ['storage', 'sasl', 'mail'],
  smtp: ['mail', 'net', 'sasl'],
  imap: ['mail', 'net', 'sasl', 'storage', 'accounts'],
  pop3: ['mail', 'net', 'sasl', 'storage', 'accounts'],
  mta: ['mail', 'net', 'dns', 'storage', 'accounts', 'smtp'],
  server: ['mail', 'net', 'dns', 'sasl', 'storage', 'accounts', 'smtp', 'imap', 'pop3', 'mta'],
}

/** Rooms with a second entrance: a command that needs this alone does not load the whole package. */
export const entrances: Readonly<Record<string, readonly string[]>> = {
  net: ['/local-socket'],
  accounts: ['/login-rows'],
  mta: ['/closest', '/next-hop', '/tables', '/tls-levels'],
  pop3: ['/uidl'],
}

interface Door {
  readonly what: string
  readonly opens: RegExp
  readonly keepers: readonly string[]
}

export const doors: readonly Door[] = [
  { what: 'import lmdb', opens: /from 'lmdb'|import\('lmdb'\)/, keepers: ['storage'] },
  {
    what: 'open sockets',
    opens: /^import (?!type\b).*from 'node:(net|tls|dgram|http|https|http2)'/m,
    // dns: questions whose answers need proof (DNSSEC) are asked without node:dns.
    keepers: ['net', 'smtp', 'dns'],
  },
  {
    what: 'take modules that open sockets',
    opens: /getBuiltinModule\('node:(net|tls|dgram|http|https|http2)'/,
    keepers: ['net', 'smtp', 'dns'],
  },
  { what: 'import node:dns', opens: /from 'node:dns(\/promises)?'/, keepers: ['dns'] },
  { what: 'read process.env or argv', opens: /\bprocess\.(env|argv)\b/, keepers: ['server'] },
]

/** `net.isIP` and its like open nothing. */
const pureNetNames = new Set(['isIP', 'isIPv4', 'isIPv6', 'BlockList', 'SocketAddress'])

function onlyPureNet(source: string): boolean {
  const imports = [
    ...source.matchAll(/^import (?!type\b)(.*) from 'node:(?:net|tls|dgram|http|https|http2)'/gm),
  ]
  return imports.every(([, names]) => {
    const braces = /^\{(.*)\}$/.exec(names?.trim() ?? '')
    if (braces === null) return false
    return (braces[1] ?? '').split(',').every((name) => {
      const bare = name.trim()
      return bare === '' || bare.startsWith('type ') || pureNetNames.has(bare)
    })
  })
}

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}

/** Breaches in one source file of one package, as lines to print. */
export function breaches(packageName: string, file: string, text: string): string[] {
  const source = withoutComments(text)
  const found: string[] = []
  const allowed = arrows[packageName]
  if (allowed === undefined)
    return [`${file}: package "${packageName}" has no line in scripts/check-arrows.ts`]
  for (const match of source.matchAll(/(?:from|import\() ?'@posthorn\/([a-z0-9-]+)([^']*)'/g)) {
    const [, target = '', deep = ''] = match
    if (target !== packageName && !allowed.includes(target))
      found.push(`${file}: ${packageName} may not import ${target}`)
    if (deep !== '' && entrances[target]?.includes(deep) !== true)
      found.push(`${file}: imports the inside of ${target} (${deep}); export it from its index.ts`)
  }
  for (const match of source.matchAll(/from '((?:\.\.\/)+)([^']*)'/g)) {
    if (/(^|\/)packages\//.test(match[2] ?? '')) found.push(`${file}: reaches into another package by path`)
  }
  for (const door of doors) {
    if (door.keepers.includes(packageName) || !door.opens.test(source)) continue
    if (door.what === 'open sockets' && onlyPureNet(source)) continue
    found.push(`${file}: only ${door.keepers.join(' and ')} may ${door.what}`)
  }
  return found
}

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.includes('testkit'))
    .map((name) => join(folder, name))
}

function main(): void {
  const root = join(fileURLToPath(import.meta.url), '..', '..')
  const found: string[] = []
  for (const name of readdirSync(join(root, 'packages'))) {
    for (const file of sources(join(root, 'packages', name, 'src')))
      found.push(...breaches(name, relative(root, file), readFileSync(file, 'utf8')))
  }
  for (const line of found) console.error(line)
  if (found.length > 0) process.exitCode = 1
}

if (import.meta.main) main()
