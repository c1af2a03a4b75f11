import { constants, copyFileSync, cpSync, existsSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { restoreStore } from '@posthorn/storage'
import type { Config } from '../../config/config.ts'
import { masterCfFile } from '../../config/load-config.ts'
import { parameters } from '../../config/schema/schema.ts'
import { makeFolders } from '../../make-folders.ts'
import { keyFiles } from '../../tls/server-certificates.ts'
import { serverStatus } from '../server-control.ts'
import { CommandError } from '../shell.ts'
import { becomeOwner, locateSite, withSite } from '../site.ts'
import { readableSize } from './columns.ts'
import type { CommandContext } from './context.ts'

/** In the folder of a backup: `store`, `main.cf`, `tls`, `secrets`, and `tables` with the files that main.cf names. */
const parts = {
  store: 'store',
  mainCf: 'main.cf',
  masterCf: 'master.cf',
  tls: 'tls',
  secrets: 'secrets',
  tables: 'tables',
} as const

/** Made at their first use, in the data folder: reports to rewritten senders, and salts of SCRAM, depend on them. */
const secretFiles = ['srs.secret', 'scram.secret'] as const

/** Everything that is needed to be this site again. */
export async function backUp({ shell, site }: CommandContext, to: string): Promise<void> {
  const target = resolve(to)
  if (existsSync(target) && readdirSync(target).length > 0) throw new CommandError(`${target} is not empty`)
  await withSite(shell, site(), async ({ store, config }) => {
    makeFolders(target, 0o700)
    await store.flushJournal()
    const report = await store.backup(join(target, parts.store))
    const files = copySettings(config, target)
    shell.out(
      `${target}: ${report.segments} segments, ${readableSize(report.sizeBytes)}, and ${files.length} files of the configuration\n`,
    )
  })
}

function copySettings(config: Config, target: string): readonly string[] {
  const copied: string[] = []
  if (existsSync(config.file)) {
    copyFileSync(config.file, join(target, parts.mainCf))
    copied.push(config.file)
  }
  const masterCf = masterCfFile(config)
  if (existsSync(masterCf)) {
    copyFileSync(masterCf, join(target, parts.masterCf))
    copied.push(masterCf)
  }
  const tls = join(config.values.data_directory, 'tls')
  if (existsSync(tls)) {
    cpSync(tls, join(target, parts.tls), { recursive: true })
    copied.push(tls)
  }
  for (const name of secretFiles) {
    const file = join(config.values.data_directory, name)
    if (!existsSync(file)) continue
    makeFolders(join(target, parts.secrets), 0o700)
    copyFileSync(file, join(target, parts.secrets, name))
    copied.push(file)
  }
  for (const file of tableFiles(config)) {
    const place = join(target, parts.tables, file)
    makeFolders(dirname(place), 0o700)
    copyFileSync(file, place)
    copied.push(file)
  }
  return copied
}

/** Files of tables and lists, certificates and keys: whatever main.cf names by a path. */
export function tableFiles(config: Config): readonly string[] {
  const files = new Set(
    keyFiles(config).filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile()),
  )
  for (const [name, { type }] of parameters) {
    const value: unknown = config.values[name as keyof Config['values']]
    const words = Array.isArray(value)
      ? value.map(String)
      : type === 'file' && typeof value === 'string'
        ? [value]
        : []
    if (name === 'data_directory' || name === 'config_directory' || name === 'maillog_file') continue
    for (const word of words) {
      const path = word.replace(/^(?:[a-z-]+:)+(?=\/)/, '')
      if (path.startsWith('/') && statSync(path, { throwIfNoEntry: false })?.isFile()) files.add(path)
    }
  }
  return [...files]
}

/** The store, and main.cf and keys where there are none; files outside the data folder are only named. */
export async function restore({ shell, site }: CommandContext, from: string): Promise<void> {
  const source = resolve(from)
  if ((await serverStatus(shell, site())) !== undefined)
    throw new CommandError('stop the server first: posthorn stop')
  const { config, folder } = locateSite(shell, site())
  makeFolders(folder.path, 0o711)
  becomeOwner(folder.path)
  await restoreStore(join(source, parts.store), folder.storeFolder)
  shell.out(`${folder.storeFolder}: restored\n`)
  for (const [name, file] of [
    [parts.mainCf, config.file],
    [parts.masterCf, masterCfFile(config)],
  ] as const) {
    const kept = join(source, name)
    if (!existsSync(kept)) continue
    if (existsSync(file)) shell.out(`${file} stays as it is; the one of the backup is ${kept}\n`)
    else {
      copyFileSync(kept, file, constants.COPYFILE_EXCL)
      shell.out(`${file}: restored\n`)
    }
  }
  const tls = join(folder.path, basename(parts.tls))
  if (existsSync(join(source, parts.tls)) && !existsSync(tls)) {
    cpSync(join(source, parts.tls), tls, { recursive: true })
    shell.out(`${tls}: restored\n`)
  }
  for (const name of secretFiles) {
    const [kept, file] = [join(source, parts.secrets, name), join(folder.path, name)]
    if (!existsSync(kept) || existsSync(file)) continue
    copyFileSync(kept, file, constants.COPYFILE_EXCL)
    shell.out(`${file}: restored\n`)
  }
  if (existsSync(join(source, parts.tables)))
    shell.out(`tables are in ${join(source, parts.tables)}: copy back what is missing\n`)
}
