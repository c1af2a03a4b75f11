import assert from 'node:assert/strict'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { createTables, openTable, splitListText, TableError } from './index.ts'
import { context, file, folder } from './table-fixture.ts'

test('postmap(1) source: comments, continuation, quotes, folding, duplicates', () => {
  const ctx = context()
  const path = file(
    '# c\n  # c2\n\nExample.ORG  OK\r\nlong one\n  two\n# c\n three\n"a b" x\nexample.org REJECT\nnovalue\n',
  )
  const table = openTable(`hash:${path}`, ctx)
  const cases: readonly [string, string | undefined][] = [
    ['example.org', 'OK'],
    ['EXAMPLE.org', 'OK'],
    ['long', 'one  two three'],
    ['"a b"', 'x'],
    ['novalue', undefined],
  ]
  for (const [key, value] of cases) assert.equal(table.lookup(key), value, key)
  assert.deepEqual(
    ctx.events.map((event) => event.text),
    [
      `${path}, line 10: duplicate entry: "example.org"`,
      `${path}, line 11: expected format: key whitespace value (found "novalue")`,
    ],
  )
})

test('aliases(5) source', () => {
  const path = file(
    ' first: x\nRoot: alice,\n   "|cmd x", :include:/l\n"post master" : bob\nbad line\nempty:\n: nobody\nu@d: x\n"a@b": carol\n',
  )
  const ctx = context({ format: 'aliases' })
  const table = openTable(`lmdb:${path}`, ctx)
  assert.equal(table.lookup('root'), 'alice,   "|cmd x", :include:/l')
  assert.equal(table.lookup('post master'), 'bob')
  assert.equal(table.lookup('"a@b"'), undefined)
  assert.equal(table.lookup('a@b'), 'carol')
  assert.equal(table.lookup('empty'), undefined)
  assert.deepEqual(
    ctx.events.map(({ text }) => text.replace(`${path}, line `, '')),
    [
      '1: logical line must not start with whitespace (found " first: x")',
      '5: need name:value pair (found "bad line")',
      '6: need name:value pair (found "empty:")',
      '7: need name:value pair (found ": nobody")',
      '8: name must be local (found "u@d: x")',
    ],
  )
})

test('a changed file is read anew; a broken or vanished one leaves the old contents', async () => {
  const ctx = context()
  const path = file('/a/ ONE\n')
  const table = openTable(`pcre:${path}`, ctx)
  assert.equal(table.lookup('xay'), 'ONE')
  writeFileSync(`${path}.new`, '/b/ TWO TWO\n')
  renameSync(`${path}.new`, path)
  assert.equal(table.lookup('xay'), 'ONE', 'not looked at twice within a second')
  ctx.clock.ms += 1001
  assert.equal(table.lookup('xay'), undefined, 'who asks first has the new contents')
  assert.equal(table.lookup('b'), 'TWO TWO')
  writeFileSync(path, '/b/ OK\n/(?>a)/ X\n')
  ctx.clock.ms += 1001
  assert.equal(table.lookup('b'), 'TWO TWO')
  await table.refresh()
  await table.refresh()
  assert.equal(table.lookup('b'), 'TWO TWO')
  rmSync(path)
  await table.refresh()
  assert.equal(table.lookup('b'), 'TWO TWO')
  const warnings = ctx.events.map((event) => event.text)
  assert.equal(warnings.length, 2)
  assert.match(warnings[0] ?? '', /line 2: .*not every kind.*keeping the previous contents/)
  assert.match(warnings[1] ?? '', /ENOENT.*keeping the previous contents/)
  writeFileSync(path, '/b/ THREE\n')
  await table.refresh()
  assert.equal(table.lookup('b'), 'THREE')
})

test('a changed file is read anew, though the clock was set back', () => {
  const ctx = context()
  ctx.clock.ms = 3_600_000
  const path = file('a ONE\n')
  const table = openTable(`hash:${path}`, ctx)
  assert.equal(table.lookup('a'), 'ONE')
  writeFileSync(path, 'a TWO TWO\n')
  ctx.clock.ms = 0
  assert.equal(table.lookup('a'), 'TWO TWO')
})

test('tables that cannot be opened say why', () => {
  const writable = file('a b\n', 0o666)
  const cases: readonly [string, RegExp][] = [
    ['hash:/no/such/file', /cannot open: ENOENT/],
    [`hash:${folder}`, /not a regular file/],
    [`hash:${writable}`, /group or other writable/],
    ['hsah:/x', /unknown table type "hsah"; did you mean "hash"\?/],
    ['mysql:/x', /"mysql" is known to Postfix, not available/],
    ['/etc/x', /expected type:table, for example hash:\/etc\/x/],
    ['inline:x', /expected inline:\{/],
    ['inline:{ a }', /expected key=value, found "a"/],
    ['static:', /expected static:value/],
    ['unionmap:{}', /expected \{type:table/],
    ['pipemap:{nosuch:x}', /unknown table type "nosuch"/],
    [`pcre:${file('/(?>a)(?=b)/ x\n')}`, /line 1: \(\?>a is not available \(look-around.*pcre: alone/],
    [`pcre:${file('/a++(?=b)/ x\n')}`, /a possessive quantifier is not available/],
    [`regexp:${file('/(a)\\1/ x\n')}`, /look-around and back-references/],
    [`regexp:${file('/a/x x\n')}`, /pattern flag "x" is not available here/],
  ]
  for (const [spec, message] of cases) {
    assert.throws(
      () => openTable(spec, context()),
      (error) => error instanceof TableError && message.test(error.message),
      spec,
    )
  }
  openTable(`hash:${writable}`, context({ unsafeFiles: 'warn' }))
})

test('regexp_table(5), cidr_table(5): a rule that means nothing is skipped, with a warning', () => {
  const cases: readonly [type: string, text: string, key: string, warning: RegExp][] = [
    ['pcre', '/a/ x\nb OK\n', 'a', /line 2: expected \/pattern\/flags result \(found "b OK"\): skipping/],
    ['pcre', '/a/=y\n/a/ x\n', 'a', /line 1: unknown regexp option "=": skipping/],
    ['regexp', '/a/=y\n/a/ x\n', 'a', /line 1: unknown regexp option "=": skipping/],
    ['pcre', '/a/Q x\n/a/ x\n', 'a', /line 1: unknown regexp option "Q": skipping/],
    ['pcre', '/(a)/ $2\n/a/ x\n', 'a', /out of range replacement index 2/],
    ['pcre', '!/(b)/ $1\n/a/ x\n', 'a', /not possible with a negated pattern/],
    ['pcre', '/a\n/a/ x\n', 'a', /no closing pattern delimiter/],
    ['pcre', '/a/\n/a/ x\n', 'a', /no result/],
    ['pcre', 'if /a/\n/b/ c\n/ab/ x\n', 'a', /line 1: if without endif/],
    ['pcre', 'endif\n/a/ x\n', 'a', /line 1: endif without if/],
    ['regexp', '/(?=a)/ y\n/a/ x\n', 'a', /line 1: bad pattern/],
    ['regexp', '/[b-a]/ y\n/a/ x\n', 'a', /line 1: bad pattern/],
    ['cidr', '1.2.3.4/24 y\n1.2.3.4 x\n', '1.2.3.4', /non-null host address bits.*"1.2.3.0\/24"/],
    ['cidr', '1.2.3.4/33 y\n1.2.3.4 x\n', '1.2.3.4', /at most \/32/],
    ['cidr', 'host y\n1.2.3.4 x\n', '1.2.3.4', /bad network "host".*: skipping this rule/],
  ]
  for (const [type, text, key, warning] of cases) {
    const ctx = context()
    const table = openTable(`${type}:${file(text)}`, ctx)
    const unclosed = text.startsWith('if')
    assert.equal(table.lookup(key), unclosed ? undefined : 'x', text)
    if (unclosed) assert.equal(table.lookup('ab'), 'c')
    assert.equal(ctx.events.length, 1, text)
    assert.match(ctx.events[0]?.text ?? '', warning)
  }
})

test('regexp_table(5), pcre_table(5): flags, negation, if, substitution', () => {
  const text = `
/^(.*)@old\\.example\\.org$/   $1@new.example.org costs $$5
if /^staff-/
if !/-boss@/
/@example\\.org$/i REJECT not $$
endif
/^STAFF-(b)oss/    OK \${1}$(1)
endif
!/@/ DUNNO bare
|a/b|  slash
/case\\/Only/i  CASE
/^two$/m lines
`
  for (const type of ['regexp', 'pcre']) {
    const table = openTable(`${type}:${file(text)}`, context())
    const cases: readonly [string, string | undefined][] = [
      ['Bob@OLD.example.org', 'Bob@new.example.org costs $5'],
      ['staff-x@example.org', 'REJECT not $'],
      ['staff-x@EXAMPLE.org', undefined],
      ['staff-boss@example.org', 'OK bb'],
      ['bob', 'DUNNO bare'],
      ['a/b@x', 'slash'],
      ['case/Only@', 'CASE'],
      ['Case/only@', undefined],
      ['one@\ntwo\nthree', 'lines'],
      ['x@y', undefined],
    ]
    for (const [key, value] of cases) assert.equal(table.lookup(key), value, `${type} ${key}`)
  }
})

test('no pattern makes a lookup slow', () => {
  const table = openTable(`pcre:${file('/^(a+)+$/ x\n/(x*)*y/ z\n')}`, context())
  const start = performance.now()
  assert.equal(table.lookup(`${'a'.repeat(5000)}!`), undefined)
  assert.equal(table.lookup('x'.repeat(5000)), undefined)
  assert.ok(performance.now() - start < 2000)
})

test('cidr_table(5)', () => {
  const table = openTable(
    `cidr:${file('!10.0.0.0/8 outside\nif 10.1.0.0/16\n10.1.2.0/24 deep\n10.1.0.0/16\tshallow\nendif\n10.2.3.4 one\n')}`,
    context(),
  )
  assert.equal(table.lookup('192.0.2.1'), 'outside')
  assert.equal(table.lookup('10.1.2.9'), 'deep')
  assert.equal(table.lookup('::ffff:10.1.9.9'), 'shallow')
  assert.equal(table.lookup('10.2.3.4'), 'one')
  assert.equal(table.lookup('10.2.3.5'), undefined)
  assert.equal(table.lookup('alice'), undefined)
  const six = openTable(`cidr:${file('2001:db8::/32 six\n[fe80::]/10 local\n')}`, context())
  assert.equal(six.lookup('2001:db8:1::1'), 'six')
  assert.equal(six.lookup('[fe80::1%eth0]'), 'local')
  assert.equal(six.lookup('2001:db9::'), undefined)
})

test('inline, static, unionmap, pipemap; one table for one specification', () => {
  const tables = createTables(context())
  const inline = tables.open('inline:{ A=1, {b = two words} }')
  assert.deepEqual(
    [inline.lookup('a'), inline.lookup('B'), inline.lookup('c')],
    ['1', 'two words', undefined],
  )
  assert.equal(tables.open('static:{550 no thanks}').lookup('anything'), '550 no thanks')
  assert.equal(tables.open('unionmap:{inline:{a=x}, inline:{a=y, b=z}}').lookup('a'), 'x,y')
  assert.equal(tables.open('unionmap:{inline:{a=x}, inline:{a=y, b=z}}').lookup('c'), undefined)
  assert.equal(tables.open('pipemap:{inline:{a=b}, inline:{b=c}}').lookup('a'), 'c')
  assert.equal(tables.open('pipemap:{inline:{a=b}, inline:{b=c}}').lookup('b'), undefined)
  assert.equal(tables.open('static:x'), tables.open('static:x'))
  assert.deepEqual(splitListText('a, b\tc  inline:{ {x = y z}, q=r },"s t" '), [
    'a',
    'b',
    'c',
    'inline:{ {x = y z}, q=r }',
    '"s t"',
  ])
})

test('DATABASE_README: rules of cidr:, regexp: and pcre: in the parameter itself', () => {
  const cases: readonly (readonly [spec: string, key: string, found: string | undefined])[] = [
    ['pcre:{{/^a@/ REJECT no, a}, {/b@/ 450 4.7.1 later}}', 'a@x', 'REJECT no, a'],
    ['pcre:{{/^a@/ REJECT no, a}, {/b@/ 450 4.7.1 later}}', 'B@x', '450 4.7.1 later'],
    ['pcre:{{/^a@/ REJECT}}', 'c@x', undefined],
    ['regexp:{ {/^(.*)-list@/ $1@example.org} {!/@/ none} }', 'x-list@y', 'x@example.org'],
    ['regexp:{ {/^(.*)-list@/ $1@example.org} {!/@/ none} }', 'bare', 'none'],
    ['pcre:{{if /^.{2}@/} {/^ab@/ two} {endif}}', 'ab@x', 'two'],
    ['pcre:{{if /^.{2}@/} {/^abc@/ three} {endif}}', 'abc@x', undefined],
    ['cidr:{{!127.0.0.0/8 other}, { 127.0.0.1  me }}', '127.0.0.1', 'me'],
    ['cidr:{{!127.0.0.0/8 other}, { 127.0.0.1  me }}', '192.0.2.1', 'other'],
    ['cidr:{{2001:db8::/32 six}}', '2001:db8::1', 'six'],
    ['proxy:pcre:{{/a/ x}}', 'a', 'x'],
    ['unionmap:{pcre:{{/a/ x}}, static:y}', 'a', 'x,y'],
  ]
  const tables = createTables(context())
  for (const [spec, key, found] of cases) assert.equal(tables.open(spec).lookup(key), found, `${spec} ${key}`)
  for (const spec of ['pcre:{/b/ x}', 'pcre:{{/b/ x}', 'pcre:{ }', 'regexp:{{/b/ x} y}', 'cidr:{{}}'])
    assert.throws(() => tables.open(spec), /expected \{\{rule\}, \{rule\} …\}/, spec)
  const ctx = context()
  assert.equal(openTable('cidr:{{192.0.2.1/24 y}, {192.0.2.0/24 x}}', ctx).lookup('192.0.2.1'), 'x')
  assert.match(ctx.events[0]?.text ?? '', /rule 1: .*skipping/)
})

test('DATABASE_README: randmap, environ, fail, proxy', () => {
  const tables = createTables({ ...context(), environment: { HOME: '/root' } })
  const seen = new Set(Array.from({ length: 200 }, () => tables.open('randmap:{a, {b c}}').lookup('x')))
  assert.deepEqual([...seen].toSorted(), ['a', 'b c'])
  assert.equal(tables.open('environ:').lookup('HOME'), '/root')
  assert.equal(tables.open('environ:').lookup('home'), undefined)
  assert.throws(() => tables.open('fail:x').lookup('a'), /fail:x: lookup error/)
  assert.equal(tables.open('proxy:inline:{a=b}').lookup('A'), 'b')
  assert.equal(tables.open('proxy:inline:{a=b}').name, 'proxy:inline:{a=b}')
  assert.throws(() => tables.open('randmap:a'), /expected randmap:/)
  assert.match(tables.open('proxy:unix:passwd.byname').lookup('Root') ?? '', /^root:[^:]*:0:/)
  assert.equal(tables.open('unix:passwd.byname').lookup('no such user'), undefined)
  assert.match(tables.open('unix:group.byname').lookup('root') ?? '', /^root:[^:]*:0:/)
  assert.throws(() => tables.open('unix:shadow'), /expected unix:passwd\.byname/)
  for (const type of ['ldap', 'mysql', 'pgsql', 'sqlite', 'memcache', 'nis'])
    assert.throws(
      () => tables.open(`${type}:/etc/postfix/x.cf`),
      new RegExp(`table type "${type}" is known to Postfix, not available in Posthorn: .*\\w{3}`),
    )
})

test('a table of 100,000 lines is read again in slices: others have their turn between them', async () => {
  const line = (n: number): string => `user${n}@example.org account${n}@example.net\n`
  const text = Array.from({ length: 100_000 }, (_, n) => line(n)).join('')
  const path = file(text)
  const table = createTables(context()).open(`hash:${path}`)
  assert.equal(table.lookup('user99999@example.org'), 'account99999@example.net')
  writeFileSync(path, `${text}more here\n`)
  let turns = 0
  let going = true
  const turn = (): void => {
    turns++
    if (going) setImmediate(turn)
  }
  setImmediate(turn)
  await table.refresh()
  going = false
  assert.equal(table.lookup('more'), 'here')
  assert.ok(turns > 5, `${turns} turns of the event loop`)
})
