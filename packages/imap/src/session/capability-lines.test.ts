import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommandTable } from '../commands/command-table.ts'
import { commands } from '../commands/commands.ts'
import { CapabilityLines, type ClientKind } from './capability-lines.ts'
import { defaultImapOptions } from './options.ts'

const stranger: ClientKind = {
  state: 'not-authenticated',
  secure: false,
  plaintextAuth: true,
  certified: false,
  isAdministrator: false,
  compressed: false,
  user: 'unknown',
  withheld: undefined,
}
const nothing = (): boolean => false

test('a line is made once for clients of a kind, and for each kind as the table says', () => {
  const table = new CommandTable(commands)
  const lines = new CapabilityLines(table)
  const kinds: readonly ClientKind[] = [
    stranger,
    { ...stranger, secure: true },
    { ...stranger, plaintextAuth: false },
    { ...stranger, state: 'authenticated', user: 'known' },
    { ...stranger, state: 'authenticated', user: 'known', isAdministrator: true },
    { ...stranger, state: 'authenticated', user: 'known', compressed: true },
    { ...stranger, state: 'authenticated', user: 'known', withheld: new Set(['NOTIFY']) },
  ]
  const all = (): string[] =>
    kinds.map((kind) => lines.of(kind, defaultImapOptions, (name) => kind.withheld?.has(name) ?? false))
  const made = all()
  for (const [at, kind] of kinds.entries()) {
    const fresh = new CapabilityLines(table)
    const withholds = (name: string): boolean => kind.withheld?.has(name) ?? false
    assert.equal(made[at], fresh.of(kind, defaultImapOptions, withholds))
  }
  assert.match(made[0] ?? '', /^CAPABILITY IMAP4rev1 .*AUTH=PLAIN/)
  assert.match(made[2] ?? '', / LOGINDISABLED/)
  assert.match(made[4] ?? '', / QUOTASET/)
  assert.doesNotMatch(made[5] ?? '', /COMPRESS/)
  assert.doesNotMatch(made[6] ?? '', / NOTIFY/)
  table.capabilities = () => assert.fail('made again')
  assert.deepEqual(all(), made)
})

test('other options, as after a reload, have lines of their own', () => {
  const lines = new CapabilityLines(new CommandTable(commands))
  const before = lines.of(stranger, defaultImapOptions, nothing)
  assert.match(before, / AUTH=/)
  assert.doesNotMatch(lines.of(stranger, { ...defaultImapOptions, mechanisms: [] }, nothing), / AUTH=/)
  assert.equal(lines.of(stranger, defaultImapOptions, nothing), before)
})
