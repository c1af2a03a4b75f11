import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { StsPolicy } from '@posthorn/mta'
import { stsMemory } from './sts-memory.ts'

const policy = (id: string, fetchedMs: number, mode: StsPolicy['mode'] = 'enforce', days = 7): StsPolicy => ({
  id,
  mode,
  mx: ['mx.test'],
  expiresMs: fetchedMs + days * 86_400_000,
  maxAgeSeconds: days * 86_400,
})

test('RFC 8461 §10.2: what one worker knows is not forgotten when another one writes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sts-'))
  let nowMs = 1_000_000
  const open = () =>
    stsMemory(
      join(folder, 'mta-sts.json'),
      () => assert.fail('nothing to tell'),
      () => nowMs,
    )
  const [first, second] = [open(), open()]
  first.save(new Map([['a.test', policy('one', 1_000)]]))
  second.save(new Map([['b.test', policy('one', 2_000)]]))
  assert.deepEqual([...first.load().keys()].toSorted(), ['a.test', 'b.test'])
  // Fetched later counts, whenever it ends; who still has the former one does not bring it back.
  second.save(new Map([['a.test', policy('two', 3_000, 'none', 1)]]))
  first.save(new Map([['a.test', policy('one', 1_000)]]))
  assert.equal(first.load().get('a.test')?.id, 'two')
  nowMs = 8 * 86_400_000
  first.save(new Map([['c.test', policy('one', nowMs)]]))
  assert.deepEqual([...first.load().keys()], ['c.test'])
  const many = Array.from({ length: 10_001 }, (_, n) => [`d${n}.test`, policy('x', nowMs + n)] as const)
  first.save(new Map(many))
  assert.equal(first.load().size, 10_000)
  assert.equal(first.load().has('d0.test'), false)
  rmSync(folder, { recursive: true })
})
