import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstRunText } from './greeting.ts'

const accounts = [
  { address: 'alice@example.org', password: 'one' },
  { address: 'bob@example.org', password: 'two' },
]
const facts = { dataFolder: 'data', mainCf: 'main.cf', hostname: 'mail.example.org', command: 'posthorn' }
const off = { smtp: 0, submission: 0, submissions: 0, lmtp: 0, pop3: 0, pop3s: 0, imap: 0, imaps: 0 }

/** The lines that number what can be tried, and the one before them. */
function things(ports: Partial<typeof off>): readonly string[] {
  const text = firstRunText(accounts, { ...off, ...ports }, facts)
  return text.split('\n').filter((line) => / to try, |^ {2}\d\. /.test(line))
}

test('the first start speaks of services that listen only', () => {
  assert.deepEqual(things({ smtp: 25, pop3: 110, imap: 143 }), [
    'Three things to try, each line as it stands:',
    '  1. Send a message to alice@example.org:',
    '  2. Read it over POP3, then over IMAP:',
    '  3. Add yourself:',
  ])
  assert.equal(things({ smtp: 25, imap: 143 })[2], '  2. Read it over IMAP:')
  assert.deepEqual(things({ smtp: 25, imaps: 993 }), [
    'Two things to try, each line as it stands:',
    '  1. Send a message to alice@example.org:',
    '  2. Add yourself, and point Thunderbird at IMAP localhost:993 (TLS):',
  ])
  assert.deepEqual(things({}), ['One thing to try, each line as it stands:', '  1. Add yourself:'])
})
