export * from './contract.ts'
export { restoreStore, verifyBackup } from './maintenance/backup.ts'
export { rebuildStore } from './maintenance/rebuild.ts'
export { openStore } from './open-store.ts'
