import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomFrom } from '../testkit/random.ts'
import { MailboxPatterns } from './mailbox-patterns.ts'

const rows: readonly (readonly [pattern: string, name: string, matches: boolean])[] = [
  ['*', 'a/b/c', true],
  ['%', 'a', true],
  ['%', 'a/b', false],
  ['%/%', 'a/b', true],
  ['a/%', 'a/b', true],
  ['a/%', 'a/b/c', false],
  ['a*', 'a', true],
  ['a*', 'ab/c', true],
  ['*c', 'a/b/c', true],
  ['%c', 'a/b/c', false],
  ['*/c', 'a/b/c', true],
  ['%%', 'a', true],
  ['%*%', 'a/b', true],
  ['inbox', 'INBOX', true],
  ['InB*', 'INBOX', true],
  ['inbox/%', 'INBOX/x', true],
  ['inbox/X', 'INBOX/x', false],
  ['%x', 'INBOX', true],
  ['inbox', 'Inboxes', false],
  ['INBOX', 'INBOXES', false],
  ['Sent', 'sent', false],
  ['', '', true],
  ['', 'a', false],
  ['é*', 'éa', true],
]

test('RFC 9051 §6.3.9: wildcards', () => {
  for (const [pattern, name, matches] of rows) {
    assert.equal(new MailboxPatterns([pattern]).matches(name), matches, `${pattern} against ${name}`)
  }
})

test('RFC 9051 §6.3.9: random patterns, beside an expression of the same meaning', () => {
  const random = randomFrom(9051)
  const word = (letters: string): string =>
    Array.from({ length: 1 + random(7) }, () => letters[random(letters.length)]).join('')
  for (let round = 0; round < 5000; round++) {
    const pattern = word('ab/%*')
    const name = word('ab/')
    const same = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('%', '[^/]*')}$`)
    assert.equal(new MailboxPatterns([pattern]).matches(name), same.test(name), `${pattern} against ${name}`)
  }
})

test('RFC 9051 §6.3.9: long patterns of names and wildcards, beside an expression of the same meaning', () => {
  const random = randomFrom(3501)
  for (let round = 0; round < 2000; round++) {
    const name = Array.from({ length: 20 + random(120) }, () => 'abc/'[random(4)]).join('')
    // Some letters of it, wildcards for others: most match, or nearly do.
    const pattern = [...name]
      .map((char) => (random(5) > 0 ? char : ['*', '%', '', 'c', '%*'][random(5)]))
      .join('')
    const same = new RegExp(`^${pattern.replace(/[*%]+/g, (run) => (run.includes('*') ? '.*' : '[^/]*'))}$`)
    assert.equal(new MailboxPatterns([pattern]).matches(name), same.test(name), `${pattern} against ${name}`)
  }
})

test('RFC 9051 §6.3.9.4: several patterns match what one of them does', () => {
  const random = randomFrom(5258)
  const word = (letters: string): string =>
    Array.from({ length: 1 + random(9) }, () => letters[random(letters.length)]).join('')
  const others = ['INBOX', 'INBOX/a', 'INBOX/b/a', 'Inbox']
  for (let round = 0; round < 3000; round++) {
    const patterns = Array.from({ length: 1 + random(20) }, () =>
      random(8) === 0 ? `in${word('Bb')}OX${word('/%*ab')}` : word('ab/%*'),
    )
    const together = new MailboxPatterns(patterns)
    for (const name of [word('ab/'), word('ab/'), others[random(others.length)]!]) {
      const one = patterns.some((pattern) => new MailboxPatterns([pattern]).matches(name))
      assert.equal(together.matches(name), one, `${patterns.join(' ')} against ${name}`)
    }
  }
})

/** Processor time, which others' work does not change. */
function costMs(work: () => void): number {
  const start = process.threadCpuUsage()
  work()
  const { user, system } = process.threadCpuUsage(start)
  return (user + system) / 1000
}

test('a name of 400 letters and a pattern of 800 that nearly match take a small part of a millisecond', () => {
  const pattern = new MailboxPatterns([`${'*a%b'.repeat(200)}z`])
  const name = `${'ab'.repeat(200)}12`
  // 1.8 ms each where every position is looked at by itself.
  const rounds = (): void => {
    for (let round = 0; round < 300; round++) assert.equal(pattern.matches(name), false)
  }
  assert.ok(costMs(rounds) < 300)
})

test('300 patterns cost little more than one as long', () => {
  const patterns = Array.from({ length: 300 }, (_, n) => `*a*b${n}%c`)
  const together = new MailboxPatterns(patterns)
  const name = `${'ab'.repeat(200)}12`
  // 3 ms each where every pattern is looked at by itself.
  const rounds = (): void => {
    for (let round = 0; round < 100; round++) assert.equal(together.matches(name), false)
  }
  assert.ok(costMs(rounds) < 120)
})

test('a hostile pattern costs pattern × name at most', () => {
  const pattern = new MailboxPatterns(['*a'.repeat(500)])
  assert.ok(costMs(() => assert.equal(pattern.matches(`${'a'.repeat(1000)}b`), false)) < 500)
})
