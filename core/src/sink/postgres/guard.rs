//! Whose our record is. Schema `datasus` and its tables are used only where they are what we would have made, and belong to
//! someone who could do the loader harm anyway: what another role put there would run with the loader's rights.

use super::url::Url;
use crate::base::{Code, Error, Result, text};

/// What of the record's schema and tables is not as we made it, as an SQL expression of type `text[]`; `$1` is the roles that the
/// address trusts (`datasus_owner`), `$2` the staging table's schema and `$3` its name, of which the shape is not looked at.
///
/// Membership is looked up one by one: `pg_has_role` says yes of everything to a superuser, who has most to lose.
pub(super) const FOUND: &str = "array(
    WITH RECURSIVE belongs(oid) AS (
        SELECT r.oid FROM pg_roles r WHERE r.rolname = current_user
        UNION SELECT m.roleid FROM pg_auth_members m JOIN belongs b ON m.member = b.oid),
    trusted(oid) AS (
        SELECT b.oid FROM belongs b
        UNION SELECT d.datdba FROM pg_database d WHERE d.datname = current_database()
        UNION SELECT r.oid FROM pg_roles r
            WHERE r.rolsuper OR r.rolname = 'pg_database_owner' OR r.rolname::text = ANY($1::text[])),
    ours(oid, name, owner, kind, part, secured, ours) AS (
        SELECT c.oid, n.nspname || '.' || c.relname, c.relowner, c.relkind,
            c.relispartition OR EXISTS (SELECT 1 FROM pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent)),
            c.relrowsecurity, n.nspname = 'datasus'
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'datasus' AND c.relname IN ('loads', 'jobs', 'ledger') OR n.nspname = $2 AND c.relname = $3),
    types(name, type) AS (VALUES ('table_oid', 'oid'), ('rows', 'bigint'), ('epoch', 'bigint'), ('unit', 'bigint'),
        ('sink', 'integer'), ('origin', 'boolean'), ('loaded_at', 'timestamp with time zone'),
        ('touched_at', 'timestamp with time zone')),
    found(what) AS (
        SELECT 'schema datasus: owner ' || pg_get_userbyid(n.nspowner) FROM pg_namespace n
            WHERE n.nspname = 'datasus' AND n.nspowner NOT IN (SELECT t.oid FROM trusted t)
        UNION ALL SELECT o.name || ': owner ' || pg_get_userbyid(o.owner) FROM ours o
            WHERE o.owner NOT IN (SELECT t.oid FROM trusted t)
        UNION ALL SELECT o.name || ': kind ' || o.kind::text FROM ours o WHERE o.kind <> 'r'
        UNION ALL SELECT o.name || ': inheritance' FROM ours o WHERE o.part
        UNION ALL SELECT o.name || ': trigger ' || g.tgname FROM ours o JOIN pg_trigger g ON g.tgrelid = o.oid
        UNION ALL SELECT o.name || ': rule ' || w.rulename FROM ours o JOIN pg_rewrite w ON w.ev_class = o.oid
            WHERE o.kind = 'r'
        UNION ALL SELECT o.name || ': row-level security' FROM ours o WHERE o.secured
        UNION ALL SELECT o.name || ': policy ' || p.polname FROM ours o JOIN pg_policy p ON p.polrelid = o.oid
        UNION ALL SELECT o.name || ': default of ' || a.attname FROM ours o JOIN pg_attrdef d ON d.adrelid = o.oid
            JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum = d.adnum
            WHERE pg_get_expr(d.adbin, d.adrelid) NOT IN ('now()', '''''::text', 'false')
        UNION ALL SELECT o.name || ': constraint ' || c.conname FROM ours o JOIN pg_constraint c ON c.conrelid = o.oid
            WHERE o.ours AND c.contype NOT IN ('p', 'u', 'n')
        UNION ALL SELECT o.name || ': type of ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) FROM ours o
            JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped
            WHERE o.ours AND o.kind = 'r' AND format_type(a.atttypid, a.atttypmod) <> coalesce(
                (SELECT t.type FROM types t WHERE t.name = a.attname), 'text')
        UNION ALL SELECT o.name || ': index ' || x.relname FROM ours o JOIN pg_index i ON i.indrelid = o.oid
            JOIN pg_class x ON x.oid = i.indexrelid
            WHERE o.ours AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL OR EXISTS (
                SELECT 1 FROM unnest(i.indclass::oid[]) k(oid) JOIN pg_opclass c ON c.oid = k.oid
                JOIN pg_namespace n ON n.oid = c.opcnamespace WHERE n.nspname <> 'pg_catalog')))
    SELECT f.what FROM found f ORDER BY 1 LIMIT 20)";

/// DS-403 where something was found.
pub(super) fn refuse(found: &[String], url: &Url) -> Result<()> {
    if found.is_empty() {
        return Ok(());
    }
    let (shown, list) = (&url.shown, found.iter().take(5).cloned().collect::<Vec<_>>().join("; "));
    Err(Error::new(
        Code::Forbidden,
        text!(
            "O esquema `datasus` em {shown}, ou uma tabela dele, não é como o datasus o faz, ou é de outro papel, cujo código rodaria com os seus direitos: {list}. Nada foi gravado. Peça ao administrador que confira, remova o que não é do datasus (DROP TRIGGER, DROP RULE, ALTER TABLE) e passe esquema e tabelas a um dono de confiança (ALTER SCHEMA datasus OWNER TO dono); ou diga no endereço em quem confia: `datasus_owner`",
            "Schema `datasus` at {shown}, or a table of it, is not as datasus makes it, or belongs to another role, whose code would run with your rights: {list}. Nothing was written. Have the administrator look, remove what is not datasus's (DROP TRIGGER, DROP RULE, ALTER TABLE), and give schema and tables to an owner who is trusted (ALTER SCHEMA datasus OWNER TO owner); or name in the address whom you trust: `datasus_owner`"
        ),
    )
    .with("found", found.to_vec())
    .with("server", shown.as_str())
    .stage("postgres"))
}
