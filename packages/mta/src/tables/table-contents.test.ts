import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createNetworkList } from '../policy/networks.ts'
import { createDomainList, createTables, TableContents, TableError } from './index.ts'

const folderOf = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'table-contents-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

test('after a reload a file that is the same is not read again, one that changed is', (t) => {
  const contents = new TableContents()
  const path = join(folderOf(t), 'table')
  writeFileSync(path, 'one 1\n', { mode: 0o644 })
  const open = (format?: 'aliases') => {
    const tables = createTables({ log: () => {}, now: () => 0, contents })
    return format === undefined ? tables.open(`hash:${path}`) : tables.openAliases(`hash:${path}`)[0]
  }
  const kept: string[] = []
  const set = contents.set.bind(contents)
  contents.set = (table, found) => {
    kept.push(table)
    set(table, found)
  }
  assert.equal(open()?.lookup('one'), '1')
  const [key = ''] = kept
  const identity = contents.get(key)?.identity ?? ''
  contents.set(key, { identity, content: new Map([['one', 'kept']]) })
  assert.equal(open()?.lookup('one'), 'kept')
  writeFileSync(path, 'one: two\ntwo: 2\n')
  assert.equal(open('aliases')?.lookup('one'), 'two')
  assert.equal(open()?.lookup('two:'), '2')
  chmodSync(path, 0o666)
  assert.throws(() => open(), TableError)
})

test('one file as a list of networks and as a list of names: each is read in its own way', (t) => {
  const contents = new TableContents()
  const path = join(folderOf(t), 'list')
  writeFileSync(path, '192.0.2.0/24\n192.0.2.7\n', { mode: 0o644 })
  const files = { log: () => {}, now: () => 0, contents }
  const context = { ...files, tables: createTables(files) }
  for (let n = 0; n < 2; n++) {
    assert.ok(createNetworkList([path], context).has('192.0.2.9'))
    assert.ok(createDomainList([path], context).has('192.0.2.7'))
    assert.ok(!createDomainList([path], context).has('192.0.2.9'))
  }
})

const longTables: readonly (readonly [string, (n: number) => string, string, string])[] = [
  ['hash', (n) => `user${n} value${n}`, 'user29999', 'value29999'],
  ['regexp', (n) => `/^word${n}$/ found${n}`, 'word199', 'found199'],
  ['cidr', (n) => `10.${n >> 8}.${n & 255}.0/24 net${n}`, '10.77.31.9', 'net19743'],
]
for (const [type, line, key, value] of longTables)
  test(`prepare: a long ${type}: table that changed is read beside other work, each once`, async (t) => {
    const folder = folderOf(t)
    const count = type === 'regexp' ? 2_000 : 30_000
    const text = Array.from({ length: count }, (_, n) => `${line(n)}\n`).join('')
    const paths = ['one', 'two'].map((name) => join(folder, name))
    for (const path of paths) writeFileSync(path, text, { mode: 0o644 })
    const contents = new TableContents()
    let opened = 0
    let turns = 0
    let going = true
    const turn = (): void => {
      turns++
      if (going) setImmediate(turn)
    }
    setImmediate(turn)
    const prepare = () =>
      contents.prepare((longFiles) => {
        opened++
        const tables = createTables({ log: () => {}, now: () => 0, contents, longFiles })
        return paths.map((path) => tables.open(`${type}:${path}`))
      })
    const tables = await prepare()
    going = false
    assert.deepEqual(
      tables.map((table) => table.lookup(key)),
      [value, value],
    )
    assert.equal(opened, 3)
    assert.ok(turns > 5, `${turns} turns of the event loop`)
    await prepare()
    assert.equal(opened, 4, 'what is as it was is not read again')
    writeFileSync(paths[1] ?? '', `${text}# more\n`)
    assert.equal((await prepare())[1]?.lookup(key), value)
    assert.equal(opened, 6)
  })

test('a long table that is opened after prepare, or by a list that is read again, is read at once', async (t) => {
  const folder = folderOf(t)
  const long = join(folder, 'long')
  const list = join(folder, 'list')
  const text = Array.from({ length: 3_000 }, (_, n) => `far${n}.example found\n`).join('')
  writeFileSync(long, text, { mode: 0o644 })
  writeFileSync(list, 'near.example\n', { mode: 0o644 })
  const clock = { ms: 0 }
  const contents = new TableContents()
  const [tables, names] = await contents.prepare((longFiles) => {
    const files = { log: () => {}, now: () => clock.ms, contents, longFiles }
    const opened = createTables(files)
    return [opened, createDomainList([list], { ...files, tables: opened })] as const
  })
  assert.ok(!names.has('far7.example'))
  writeFileSync(list, `near.example hash:${long}\n`)
  clock.ms += 5_000
  await names.refresh()
  assert.ok(names.has('far7.example'))
  assert.equal(tables.open(`texthash:${long}`).lookup('far9.example'), 'found')
})

test('prepare: a line that cannot be had, a file that is not there, and other faults are thrown', async (t) => {
  const path = join(folderOf(t), 'rules')
  const contents = new TableContents()
  const open = (named: string) =>
    contents.prepare((longFiles) =>
      createTables({ log: () => {}, now: () => 0, contents, longFiles }).open(`regexp:${named}`),
    )
  writeFileSync(path, `${'/word/ found\n'.repeat(3_000)}/(bad)\\1/ x\n`, { mode: 0o644 })
  await assert.rejects(open(path), (error) => error instanceof TableError && error.line === 3_001)
  await assert.rejects(open(`${path}.none`), TableError)
  await assert.rejects(
    contents.prepare(() => {
      throw new RangeError('other')
    }),
    RangeError,
  )
})

test('a long file that changed is read before anybody asks', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tables-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'long')
  const lines = (value: string) =>
    Array.from({ length: 3_000 }, (_, i) => `user${i}@example.org ${value}\n`).join('')
  writeFileSync(path, lines('OLD'))
  let replaced = () => {}
  const isReplaced = new Promise<void>((resolve) => {
    replaced = resolve
  })
  class Watched extends TableContents {
    override set(...args: Parameters<TableContents['set']>): void {
      if (this.get(args[0]) !== undefined) replaced()
      super.set(...args)
    }
  }
  const tables = createTables({ log: () => {}, now: Date.now, contents: new Watched() })
  const table = tables.open(`hash:${path}`)
  assert.equal(table.lookup('user7@example.org'), 'OLD')
  writeFileSync(`${path}.new`, lines('NEW'))
  renameSync(`${path}.new`, path)
  // The event loop ends without it: a timer of a table keeps no process.
  const keeps = setTimeout(() => assert.fail('it was not read anew'), 30_000)
  await isReplaced
  clearTimeout(keeps)
  assert.equal(table.lookup('user7@example.org'), 'NEW')
})
