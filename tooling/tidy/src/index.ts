export { checkWorkspace, type Finding } from './checks.ts'
export { readWorkspace, type Manifest, type SourceFile, type Workspace, type WorkspacePackage } from './workspace.ts'
