-- The accounts of the service, for MySQL 8 and MariaDB. Only migrations may create or alter a table. Set both passwords before:
--   (echo "SET @service_password = '…', @migrations_password = '…';"; cat deploy/grants.sql) | mysql -u root -p
-- It may run again: it then sets the passwords anew.
CREATE DATABASE IF NOT EXISTS im CHARACTER SET utf8mb4;

CREATE USER IF NOT EXISTS 'im'@'%' ACCOUNT LOCK;
CREATE USER IF NOT EXISTS 'im_migrations'@'%' ACCOUNT LOCK;
SET @statement = CONCAT('ALTER USER ''im''@''%'' IDENTIFIED BY ', QUOTE(@service_password), ' ACCOUNT UNLOCK');
PREPARE opening FROM @statement;
EXECUTE opening;
SET @statement = CONCAT('ALTER USER ''im_migrations''@''%'' IDENTIFIED BY ', QUOTE(@migrations_password), ' ACCOUNT UNLOCK');
PREPARE opening FROM @statement;
EXECUTE opening;
DEALLOCATE PREPARE opening;

GRANT SELECT, INSERT, UPDATE, DELETE ON im.* TO 'im'@'%';
GRANT ALL PRIVILEGES ON im.* TO 'im_migrations'@'%';
