import assert from 'node:assert/strict'
import { test } from 'node:test'
import { breaches } from './check-arrows.ts'

const rows: readonly [packageName: string, source: string, expected: RegExp | undefined][] = [
  ['imap', "import { openStore } from '@posthorn/storage'", undefined],
  ['imap', "import { route } from '@posthorn/mta'", /imap may not import mta/],
  ['storage', "import { open } from 'lmdb'", undefined],
  ['imap', "import { open } from 'lmdb'", /only storage may import lmdb/],
  ['mta', "import net from 'node:net'", /only net and smtp and dns may open sockets/],
  ['mta', "import { isIP } from 'node:net'", undefined],
  ['mta', "import { connect, isIP } from 'node:net'", /open sockets/],
  ['mta', "import type { Socket } from 'node:net'", undefined],
  ['mta', "import { resolveMx } from 'node:dns/promises'", /only dns/],
  ['pop3', 'const home = process.env.HOME', /process.env/],
  ['pop3', '// process.env is read by server', undefined],
  ['imap', "import { x } from '@posthorn/mail/src/header.ts'", /inside of mail/],
  ['imap', "import { x } from '../../../packages/mail/src/header.ts'", /by path/],
  ['util', '', /no line/],
]

for (const [packageName, source, expected] of rows) {
  test(`arrows: ${packageName}: ${source || 'unknown package'}`, () => {
    const found = breaches(packageName, 'x.ts', source).join('\n')
    if (expected === undefined) assert.equal(found, '')
    else assert.match(found, expected)
  })
}
