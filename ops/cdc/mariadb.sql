-- What change data capture needs in MariaDB, or MySQL, and a table to try it with. For a database of your
-- own take the parts that you need, as an administrator:
--
--     mariadb -D shop < ops/cdc/mariadb.sql
--     mariadb -e "SET PASSWORD FOR debezium = PASSWORD('…')"    # MySQL: ALTER USER debezium IDENTIFIED BY '…'
--
-- The server must run with log_bin, binlog_format = ROW and binlog_row_image = FULL.

-- Whom the connector connects as: it reads the binary log, and the tables for its snapshots. RELOAD is for
-- the moment in which a snapshot begins: it locks all tables, and where it may not, needs LOCK TABLES.
CREATE USER IF NOT EXISTS debezium;
GRANT RELOAD, SHOW DATABASES, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO debezium;

-- The table that is to be searchable.
CREATE TABLE articles (
    id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
    org varchar(64) NOT NULL,
    slug varchar(200) NOT NULL,
    title varchar(500) NOT NULL,
    summary text,
    body mediumtext NOT NULL,
    readers json NOT NULL DEFAULT '[]',
    author varchar(100),
    updated_at timestamp(6) NOT NULL DEFAULT current_timestamp(6)
);
GRANT SELECT ON articles TO debezium;

-- Written by you, to ask for a snapshot of tables while changes go on; by the connector, to mark its parts.
CREATE TABLE debezium_signal (
    id varchar(42) PRIMARY KEY,
    type varchar(32) NOT NULL,
    data varchar(2048)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON debezium_signal TO debezium;
