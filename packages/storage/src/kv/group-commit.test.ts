import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { closeEnvironment, committedTransaction, openEnvironment, settle, transact } from './environment.ts'
import { GroupCommit, type GroupParticipant } from './group-commit.ts'
import { Snapshot, type Unit } from './unit.ts'

const key = (text: string): Buffer => Buffer.from(text)

const withEnvironment = async (
  run: (environment: ReturnType<typeof openEnvironment>) => Promise<void>,
): Promise<void> => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-group-'))
  const environment = openEnvironment(join(directory, 'index.mdb'), 'synced')
  try {
    await run(environment)
  } finally {
    await closeEnvironment(environment)
    rmSync(directory, { recursive: true })
  }
}

const participant = (over: Partial<GroupParticipant>): GroupParticipant => ({
  beforeGroup: () => {},
  syncGroup: async () => {},
  insideGroup: () => {},
  afterGroup: () => {},
  ...over,
})

test('a unit that throws after writing leaves nothing; the others of its group stand', () =>
  withEnvironment(async (environment) => {
    const commit = new GroupCommit(environment, [])
    await commit.run((unit) => unit.put(key('a'), key('old')))
    const results = await Promise.allSettled([
      commit.run((unit) => unit.put(key('b'), key('1'))),
      commit.run((unit) => {
        unit.put(key('a'), key('new'))
        unit.put(key('c'), key('2'))
        unit.remove(key('b'))
        throw new Error('no')
      }),
      commit.run((unit) => unit.get(key('b'))?.toString()),
    ])
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    const snapshot = new Snapshot(environment)
    assert.deepEqual(
      ['a', 'b', 'c'].map((text) => snapshot.get(key(text))?.toString()),
      ['old', '1', undefined],
    )
  }))

test('units that come in during a commit share the next one', () =>
  withEnvironment(async (environment) => {
    let groups = 0
    const commit = new GroupCommit(environment, [participant({ beforeGroup: () => groups++ })])
    await Promise.all(
      Array.from({ length: 100 }, (_, n) => commit.run((unit: Unit) => unit.put(key(`k${n}`), key('v')))),
    )
    assert.ok(groups <= 3, `${groups} groups`)
    await commit.close()
    await assert.rejects(
      commit.run(() => {}),
      { kind: 'closed' },
    )
  }))

test('a failed sync refuses the group and takes back what it says', () =>
  withEnvironment(async (environment) => {
    let fails = true
    const commit = new GroupCommit(environment, [
      participant({
        syncGroup: async () => {
          if (fails) throw Object.assign(new Error('EIO'), { code: 'EIO' })
        },
        takeBackUnsynced: (unit) => unit.remove(key('x')),
      }),
    ])
    await assert.rejects(
      commit.run((unit) => unit.put(key('x'), key('1'))),
      { kind: 'read-only' },
    )
    assert.equal(new Snapshot(environment).get(key('x')), undefined)
    fails = false
    await commit.run((unit) => unit.put(key('x'), key('2')))
    assert.equal(new Snapshot(environment).get(key('x'))?.toString(), '2')
  }))

test('the sync of a group of parts may be left to the next one, of a group with anything else not', () =>
  withEnvironment(async (environment) => {
    const told: string[] = []
    const syncGroup = async (_: number, when: 'now' | 'later'): Promise<void> => void told.push(when)
    const commit = new GroupCommit(environment, [participant({ syncGroup })])
    await commit.runPart((unit) => unit.put(key('a'), key('1')), 'uses')
    await Promise.all([
      commit.runPart((unit) => unit.put(key('b'), key('1')), 'frees'),
      commit.run((unit) => unit.put(key('c'), key('1'))),
    ])
    await commit.runFreeing((unit) => unit.remove(key('a')))
    assert.deepEqual(told, ['later', 'now', 'now'])
  }))

test('a participant that throws inside the transaction voids the group', () =>
  withEnvironment(async (environment) => {
    let fails = true
    const insideGroup = (): void => {
      if (fails) throw new Error('inside')
    }
    const commit = new GroupCommit(environment, [participant({ insideGroup })])
    await assert.rejects(
      commit.run((unit) => unit.put(key('x'), key('1'))),
      /inside/,
    )
    fails = false
    assert.equal(await commit.run((unit) => unit.get(key('x'))), undefined)
  }))

test('a participant that fails when asked for relief: the group is refused, and the next one made', () =>
  withEnvironment(async (environment) => {
    let fails = true
    const insideGroup = (): void => {
      if (fails) throw new Error('full')
    }
    const relieve = (): Promise<boolean> => Promise.reject(new Error('no relief'))
    const commit = new GroupCommit(environment, [participant({ insideGroup, relieve })])
    await assert.rejects(
      commit.run((unit) => unit.put(key('x'), key('1'))),
      /full/,
    )
    fails = false
    await commit.run((unit) => unit.put(key('x'), key('2')))
    assert.equal(new Snapshot(environment).get(key('x'))?.toString(), '2')
    await commit.close()
  }))

test('values that would overflow a page are refused', () =>
  withEnvironment(async (environment) => {
    const commit = new GroupCommit(environment, [])
    await assert.rejects(
      commit.run((unit) => unit.put(key('x'), Buffer.alloc(1_901))),
      RangeError,
    )
  }))

test('groups that share a transaction: seen at once, undone alone, committed when others ask', () =>
  withEnvironment(async (environment) => {
    let refuses = false
    const insideGroup = (): void => {
      if (refuses) throw new Error('inside')
    }
    const hold = {
      mayHold: () => true,
      announce: () => {},
      onUnsaid: () => {},
      repair: () => {},
      onBroken: (error: unknown) => assert.fail(String(error)),
    }
    const commit = new GroupCommit(environment, [participant({ insideGroup })], () => false, hold)
    const committed = (): number => {
      let number = 0
      settle(environment)
      transact(environment, () => {
        number = committedTransaction(environment)
      })
      return number
    }
    const before = committed()
    await commit.run((unit) => unit.put(key('a'), key('1')))
    assert.equal(new Snapshot(environment).get(key('a'))?.toString(), '1')
    await commit.run((unit) => unit.put(key('b'), key('2')))
    refuses = true
    await assert.rejects(
      commit.run((unit) => {
        unit.put(key('a'), key('x'))
        unit.remove(key('b'))
      }),
      /inside/,
    )
    refuses = false
    await commit.run((unit) => unit.put(key('c'), key('3')))
    const snapshot = new Snapshot(environment)
    assert.deepEqual(
      ['a', 'b', 'c'].map((text) => snapshot.get(key(text))?.toString()),
      ['1', '2', '3'],
    )
    assert.ok(committed() - before <= 2, 'four groups, one transaction before the refusal and one after it')
    await commit.close()
  }))

test('the disk refuses to say that the index is not held any more: it is told once, and said when it can be', () =>
  withEnvironment(async (environment) => {
    const said: boolean[] = []
    const troubles: unknown[] = []
    let refusals = 2
    const hold = {
      mayHold: () => true,
      announce(held: boolean): void {
        if (!held && refusals-- > 0) throw new Error('EROFS: read-only file system, write')
        said.push(held)
      },
      onUnsaid: (error: unknown) => troubles.push(error),
      repair: () => {},
      onBroken: (error: unknown) => assert.fail(String(error)),
    }
    const commit = new GroupCommit(environment, [], () => false, hold)
    await commit.run((unit) => unit.put(key('a'), key('1')))
    // Its timer settles: what that throws would end the process.
    while (said.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.deepEqual(said, [true, false])
    assert.equal(troubles.length, 1)
    assert.equal(new Snapshot(environment).get(key('a'))?.toString(), '1')
    await commit.close()
  }))

for (const where of ['beforeGroup', 'afterGroup'] as const) {
  test(`a participant that throws in ${where}: its group is refused, and the next one made`, () =>
    withEnvironment(async (environment) => {
      let fails = true
      const throws = (): void => {
        if (fails) throw new Error('EIO: close')
      }
      const commit = new GroupCommit(environment, [participant({ [where]: throws })])
      await assert.rejects(
        commit.run((unit) => unit.put(key('x'), key('1'))),
        /EIO/,
      )
      fails = false
      await commit.run((unit) => unit.put(key('x'), key('2')))
      assert.equal(new Snapshot(environment).get(key('x'))?.toString(), '2')
      await commit.close()
    }))
}
