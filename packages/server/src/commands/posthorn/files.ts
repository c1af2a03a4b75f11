import { type Stats, statSync } from 'node:fs'
import type { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import { masterCfFile } from '../../config/load-config.ts'
import { dataFolderAt } from '../../start/data-folder.ts'
import { keyFiles } from '../../tls/server-certificates.ts'
import { exit } from '../shell.ts'
import { locateSiteAnyhow } from '../site.ts'
import { tableFiles } from './backup.ts'
import { formatColumns } from './columns.ts'
import type { CommandContext } from './context.ts'

export interface ListedFile {
  readonly path: string
  /** Bits that must not be set. */
  readonly forbidden: number
  readonly what: string
}

/** Every file and folder of this site, with what its mode may not be. Postfix: postfix-files. */
export function siteFiles(config: Config): readonly ListedFile[] {
  const { path, storeFolder, publicFolder, maildrop, controlSocket, pidFile } = dataFolderAt(
    config.values.data_directory,
  )
  const secret = new Set(keyFiles(config))
  for (const spec of config.values.smtp_sasl_password_maps) secret.add(spec.slice(spec.indexOf(':') + 1))
  return [
    { path: config.folder, forbidden: 0o022, what: 'configuration' },
    { path: config.file, forbidden: 0o022, what: 'configuration' },
    { path: masterCfFile(config), forbidden: 0o022, what: 'services' },
    ...tableFiles(config).map((file) =>
      secret.has(file)
        ? { path: file, forbidden: 0o027, what: 'secret' }
        : { path: file, forbidden: 0o022, what: 'table, list or certificate' },
    ),
    { path, forbidden: 0o026, what: 'data folder' },
    { path: storeFolder, forbidden: 0o077, what: 'mail, accounts, queue' },
    { path: `${path}/tls`, forbidden: 0o077, what: 'own certificate and key' },
    { path: controlSocket, forbidden: 0o077, what: "the server's own socket" },
    { path: pidFile, forbidden: 0o022, what: 'process' },
    { path: publicFolder, forbidden: 0o022, what: "every user's" },
    { path: maildrop, forbidden: 0o044, what: 'mail that users leave' },
  ]
}

/** `posthorn files`: owner, mode and purpose of each; exit code 1 when a mode is wrong. */
export function addFilesCommand(program: Command, { shell, site, finish }: CommandContext): void {
  program
    .command('files')
    .description('the files of this site with owner and mode, and which mode is wrong')
    .action(() => {
      const { config } = locateSiteAnyhow(shell, site())
      const rows = siteFiles(config).flatMap((file) => {
        const stats = statSync(file.path, { throwIfNoEntry: false })
        return stats === undefined ? [] : [rowOf(file, stats)]
      })
      shell.out(formatColumns(rows))
      if (rows.some(([, , , , wrong]) => wrong !== '')) finish(exit.failure)
    })
}

function rowOf({ path, forbidden, what }: ListedFile, stats: Stats): readonly string[] {
  const wrong = stats.mode & forbidden
  const remedy = wrong === 0 ? '' : `chmod ${(stats.mode & 0o7777 & ~forbidden).toString(8)}`
  const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0')
  return [mode, `${stats.uid}:${stats.gid}`, path, what, remedy]
}
