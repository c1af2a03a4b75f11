import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { runCli } from '../../cli.ts'
import { createShellFixture } from '../shell-fixture.ts'

const realPostmap = ['/usr/sbin/postmap', '/sbin/postmap'].find((file) => existsSync(file))

const root = mkdtempSync(join(tmpdir(), 'posthorn-postmap-'))
after(() => rmSync(root, { recursive: true }))

const files = {
  'main.cf': 'myhostname = mail.example.org\n',
  access:
    '# who\nexample.com   REJECT go away\nuser@\tOK\n10.0.0  DUNNO\n"john smith"@example.com  john\na\\ b  backslash\nUPPER  Value here\nmore  one\n   two\n',
  rules:
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the table's own syntax
    '/^a(.*)@b\\.c$/ x$1-${1}y$(1)\n!/foo/ no foo\nif /bar/\n/baz/i BAZ\nendif\n/subject:.*spam/ SPAM\n/\\n /  FOLDED\n',
  networks:
    '10.0.0.0/8 ten\n!192.168.0.0/16 other IPv4\nif 2001:db8::/32\n2001:db8::1 one\n2001:db8::/33 doc\nendif\n::/0 all IPv6\n',
  any: '/^(.+)$/ [$1]\n/^$/ empty\n',
  names: '/^postmaster@/ OK\n/^([^@]+)@old\\.example$/ $1@new.example\n',
  words: 'Key value\n',
  secret: 'the content',
  'bad-rules': `/a1/z flag $1
/a2/ out $2
!/nota4zz/ neg $1
/a5/ dollar $
/a6/ money $x
if /bad(/
/a7/ IN
endif
if /a8/ extra text
/a8b/ IN8
endif more
/[z-a]/ range
endif
garbage line
   /cont/ is continuation
/a12 no end
if !
/a13/ X
endif
/a14/ Y
if /a15/
/a15b/ unclosed
`,
  'bad-networks': `10.0.0.1 A
if 192.168.0.0/16 extra
192.168.1.0/24 B
endif more
if 300.0.0.0/8
10.0.0.2 C
endif
10.0.0.0/8
!10.0.0.0/8
garbage
11.0.0.9/8 host bits
::1/200 long
if 11.0.0.0/8
11.0.0.1 E
172.16.0.1 F
`,
  'by-file': `key ${join(root, 'secret')}\n`,
}
for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text)

const message = `Subject: spam and
 more
X-Note: bar baz
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=out

preamble
--out
Content-Type: text/plain

first text
--out
Content-Type: message/rfc822

Subject: inner
X-Inner: yes

inner text
--out--
epilogue
`

async function ours(args: readonly string[], input: string) {
  const shell = createShellFixture({ input })
  const code = await runCli('postmap', ['-c', root, ...args], shell, async () => 0)
  return { code, out: shell.output() }
}

function theirs(args: readonly string[], input: string) {
  const { status, stdout } = spawnSync(realPostmap ?? '', ['-c', root, ...args], { encoding: 'utf8', input })
  return { code: status, out: stdout }
}

const here = (name: string): string => join(root, name)
const questions: readonly (readonly [args: readonly string[], input?: string])[] = [
  [['-q', 'EXAMPLE.com', `texthash:${here('access')}`]],
  [['-q', '"john smith"@example.com', `texthash:${here('access')}`]],
  [['-q', 'john smith@example.com', `texthash:${here('access')}`]],
  [['-q', 'a\\ b', `texthash:${here('access')}`]],
  [['-q', 'upper', `texthash:${here('access')}`]],
  [['-q', 'more', `texthash:${here('access')}`]],
  [['-q', 'nosuch', `texthash:${here('access')}`]],
  [['-d', 'upper', `texthash:${here('access')}`]],
  [['-i', `texthash:${here('access')}`]],
  [['-f', '-q', 'Key', `texthash:${here('words')}`]],
  [['-f', '-q', 'key', `texthash:${here('words')}`]],
  [['-q', 'Key', `texthash:${here('words')}`]],
  [['-q', '-', `texthash:${here('access')}`], 'nosuch\nuser@\n10.0.0\n'],
  [['-q', '-', `texthash:${here('access')}`], 'nosuch\n'],
  [['-q', 'afoo@b.c', `regexp:${here('rules')}`]],
  [['-q', 'foo', `regexp:${here('rules')}`]],
  [['-q', '10.9.8.7', `cidr:${here('networks')}`]],
  [['-q', '192.168.1.1', `cidr:${here('networks')}`]],
  [['-q', '8.8.8.8', `cidr:${here('networks')}`]],
  [['-q', '2001:db8::1', `cidr:${here('networks')}`]],
  [['-q', '2001:db8:8000::1', `cidr:${here('networks')}`]],
  [['-q', '::1', `cidr:${here('networks')}`]],
  [['-q', 'not an address', `cidr:${here('networks')}`]],
  [['-q', '-', `regexp:${here('any')}`], message],
  [['-h', '-q', '-', `regexp:${here('any')}`], message],
  [['-b', '-q', '-', `regexp:${here('any')}`], message],
  [['-hb', '-q', '-', `regexp:${here('any')}`], message],
  [['-hm', '-q', '-', `regexp:${here('any')}`], message],
  [['-bm', '-q', '-', `regexp:${here('any')}`], message],
  [['-hbm', '-q', '-', `regexp:${here('any')}`], message],
  [['-h', '-q', '-', `regexp:${here('rules')}`], message],
  ...['a1', 'a2', 'a5', 'a6', 'a7', 'a8b', 'garbage', 'cont', 'a12', 'a13', 'a14', 'a15b', 'b'].flatMap(
    (key) =>
      ['regexp', 'pcre'].map((type) => [['-q', `nota4zz ${key}`, `${type}:${here('bad-rules')}`]] as const),
  ),
  ...['10.0.0.1', '192.168.1.1', '10.0.0.2', '10.0.0.9', '11.0.0.1', '11.2.3.4', '172.16.0.1', '::1'].map(
    (key) => [['-q', key, `cidr:${here('bad-networks')}`]] as const,
  ),
  [['-q', 'x@old.example', `pipemap:{regexp:${here('names')},regexp:${here('any')}}`]],
  [['-q', 'a', 'unionmap:{inline:{a=1},inline:{a=2}}']],
  [['-q', 'a', '-s', 'hash:access']],
  [['-q', 'b', 'inline:{a=1, {b = x y}}']],
  [['-s', 'inline:{a=1}']],
  [['-q', 'anything', 'static:{two words}']],
  [['-q', 'x', 'fail:nothing']],
  [['-q', 'root', 'unix:passwd.byname']],
  [['-F', '-q', 'key', `texthash:${here('by-file')}`]],
  [['-q', 'x', `texthash:${here('nosuch')}`]],
  [['-q', 'x', 'nosuchtype:x']],
]

describe('Postfix: postmap(1), beside the real one', { skip: realPostmap === undefined }, () => {
  for (const [args, input = ''] of questions) {
    it(args.join(' ').replaceAll(root, ''), async () => {
      assert.deepEqual(await ours(args, input), theirs(args, input))
    })
  }
})

it('faults of a table that is read as text are told to whoever asks it, of others when they are built', async () => {
  const file = here('twice')
  writeFileSync(file, 'a x\na y\n')
  for (const [type, told] of [
    ['texthash', `postmap: warning: ${file}, line 2: duplicate entry: "a"\n`],
    ['hash', ''],
  ] as const) {
    const shell = createShellFixture()
    const code = await runCli('postmap', ['-c', root, '-q', 'a', `${type}:${file}`], shell, async () => 0)
    assert.deepEqual([code, shell.output(), shell.errors()], [0, 'x\n', told])
  }
})
