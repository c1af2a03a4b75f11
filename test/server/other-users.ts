import { chmodSync } from 'node:fs'
import { command, createSite, type Site } from './running-server.ts'

/** uids of users who are not the server's own. */
export const nobody = 65_534
export const other = 65_533

/** Others may pass through its folder, as through /var/lib. */
export async function openSite(folder: string, lines: string): Promise<Site> {
  chmodSync(folder, 0o755)
  return await createSite(folder, lines)
}

/** As the server's own user sees it. */
export async function queueOf(site: Site): Promise<string> {
  return (await command(site, ['mailq'])).out
}
