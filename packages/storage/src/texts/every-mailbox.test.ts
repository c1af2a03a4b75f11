import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { closeEnvironment, openEnvironment } from '../kv/environment.ts'
import { openStore } from '../open-store.ts'
import { workTurns } from '../work-turns.ts'
import { everyMailbox } from './every-mailbox.ts'

test('all mailboxes of a large site are looked through while others have their turns', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'every-mailbox-'))
  const store = await openStore({ directory })
  const environment = openEnvironment(join(directory, 'index.mdb'), 'logged')
  try {
    const account = await store.accounts.create({
      address: 'alice@example.org',
      passwordHash: '',
      enabled: true,
      quotaBytes: 0,
      home: '',
    })
    await Promise.all(Array.from({ length: 2_300 }, (_, n) => store.mailboxes.create(account.id, `m${n}`)))
    const expected = (await store.mailboxes.list(account.id)).map(({ id }) => Number(id))
    const found: number[] = []
    let turns = 0
    let turnsAtLast = 0
    const others = setInterval(() => turns++, 0)
    for await (const page of everyMailbox(environment, new AbortController().signal)) {
      found.push(...page.map(({ id }) => id))
      turnsAtLast = turns
      // Long work of somebody else: this turn has had its share.
      while (!workTurns.isOver);
    }
    clearInterval(others)
    assert.deepEqual(
      found,
      expected.toSorted((a, b) => a - b),
    )
    assert.ok(turnsAtLast > 0, 'nobody else had a turn')
    const stop = new AbortController()
    await assert.rejects(async () => {
      for await (const page of everyMailbox(environment, stop.signal)) {
        assert.equal(page.length, 1_000)
        stop.abort(new Error('stopped'))
      }
    }, /stopped/)
  } finally {
    await closeEnvironment(environment)
    await store.close()
    rmSync(directory, { recursive: true, force: true })
  }
})
