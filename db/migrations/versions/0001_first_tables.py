"""first tables"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('im_conversation',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False, comment='会话ID'),
    sa.Column('conversation_id', sa.String(length=64).with_variant(mysql.VARCHAR(collation='utf8mb4_bin', length=64), 'mariadb').with_variant(mysql.VARCHAR(collation='utf8mb4_bin', length=64), 'mysql'), nullable=False, comment='会话唯一标识'),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False, comment='用户ID'),
    sa.Column('friend_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False, comment='对方用户ID'),
    sa.Column('conversation_type', sa.SmallInteger(), nullable=False, comment='会话类型：1-单聊，2-群聊'),
    sa.Column('last_message_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True, comment='最后一条消息ID'),
    sa.Column('last_message_content', sa.Text(), nullable=True, comment='最后一条消息内容'),
    sa.Column('last_message_time', sa.DateTime(), nullable=True, comment='最后一条消息时间'),
    sa.Column('unread_count', sa.Integer(), nullable=False, comment='未读消息数'),
    sa.Column('is_top', sa.Boolean(), nullable=False, comment='是否置顶：0-否，1-是'),
    sa.Column('is_mute', sa.Boolean(), nullable=False, comment='是否免打扰：0-否，1-是'),
    sa.Column('del_state', sa.SmallInteger(), nullable=False, comment='删除状态：0-未删除，1-已删除'),
    sa.Column('delete_time', sa.DateTime(), nullable=True, comment='删除时间'),
    sa.Column('create_time', sa.DateTime(), nullable=False, comment='创建时间'),
    sa.Column('update_time', sa.DateTime(), nullable=False, comment='更新时间'),
    sa.Column('version', sa.Integer(), nullable=False, comment='版本号'),
    sa.Column('last_seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False, comment='the last seq that this row has counted'),
    sa.Column('change_seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False, comment='the last change_seq that this row has seen'),
    sa.Column('read_seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False, comment='everything up to it is read'),
    sa.Column('delivered_seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False, comment='a device has answered for everything up to it'),
    sa.Column('undelivered', sa.Boolean(), sa.Computed('last_seq > delivered_seq', persisted=True), nullable=True, comment='a device has still to answer'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_im_conversation')),
    sa.UniqueConstraint('user_id', 'conversation_id', name=op.f('uk_im_conversation_user_id_conversation_id')),
    comment='会话表',
    mysql_charset='utf8mb4',
    mysql_engine='InnoDB'
    )
    with op.batch_alter_table('im_conversation', schema=None) as batch_op:
        batch_op.create_index('idx_im_conversation_backlog', ['user_id', 'undelivered', 'conversation_id'], unique=False)
        batch_op.create_index('idx_im_conversation_list', ['user_id', 'del_state', 'is_top', 'last_message_id'], unique=False)

    op.create_table('im_conversation_head',
    sa.Column('conversation_id', sa.String(length=64).with_variant(mysql.VARCHAR(collation='utf8mb4_bin', length=64), 'mariadb').with_variant(mysql.VARCHAR(collation='utf8mb4_bin', length=64), 'mysql'), nullable=False),
    sa.Column('shard', sa.SmallInteger(), nullable=False, comment='given at creation: a changed count moves only new ones'),
    sa.Column('last_seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('change_seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.PrimaryKeyConstraint('conversation_id', name=op.f('pk_im_conversation_head')),
    comment='the counters of a conversation, and its outbox shard',
    mysql_charset='utf8mb4',
    mysql_engine='InnoDB'
    )
    op.create_table('im_friend',
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('friend_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('create_time', sa.DateTime(), nullable=False),
    sa.PrimaryKeyConstraint('user_id', 'friend_id', name=op.f('pk_im_friend')),
    comment='friendships, a row for each side',
    mysql_charset='utf8mb4',
    mysql_engine='InnoDB'
    )
    op.create_table('im_friend_request',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('from_user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('to_user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('message', sa.String(length=255), nullable=False),
    sa.Column('state', sa.SmallInteger(), nullable=False),
    sa.Column('create_time', sa.DateTime(), nullable=False),
    sa.Column('update_time', sa.DateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_im_friend_request')),
    comment='friend requests',
    mysql_charset='utf8mb4',
    mysql_engine='InnoDB'
    )
    with op.batch_alter_table('im_friend_request', schema=None) as batch_op:
        batch_op.create_index('idx_im_friend_request_inbox', ['to_user_id', 'state', 'id'], unique=False)
        batch_op.create_index('idx_im_friend_request_pair', ['from_user_id', 'to_user_id', 'state'], unique=False)

    op.create_table('im_login_attempt',
    sa.Column('username', sa.String(length=32).with_variant(mysql.VARCHAR(collation='utf8mb4_bin', length=32), 'mariadb').with_variant(mysql.VARCHAR(collation='utf8mb4_bin', length=32), 'mysql'), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('window_start', sa.DateTime(), nullable=False),
    sa.PrimaryKeyConstraint('username', name=op.f('pk_im_login_attempt')),
    comment='password checks per username',
    mysql_charset='utf8mb4',
    mysql_engine='InnoDB'
    )
    with op.batch_alter_table('im_login_attempt', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('idx_im_login_attempt_window_start'), ['window_start'], unique=False)

    op.create_table('im_message',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False, comment='消息ID'),
    sa.Column('from_user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False, comment='发送者ID'),
    sa.Column('to_user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False, comment='接收者ID'),
    sa.Column('conversation_id', sa.String(length=64).with_variant(mysql.VARCHAR(collation='utf8mb4_bin', length=64), 'mariadb').with_variant(mysql.VARCHAR(collation='utf8mb4_bin', length=64), 'mysql'), nullable=False, comment='会话ID'),
    sa.Column('message_type', sa.SmallInteger(), nullable=False, comment='消息类型：0-系统，1-文本，2-图片，3-语音，4-视频，5-文件'),
    sa.Column('content', sa.Text(), nullable=False, comment='消息内容'),
    sa.Column('extra', sa.Text(), nullable=True, comment='额外信息(JSON格式)'),
    sa.Column('status', sa.SmallInteger(), nullable=False, comment='消息状态：0-发送中，1-已发送，2-已送达，3-已读，4-撤回，5-删除'),
    sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False, comment='消息序号，用于排序'),
    sa.Column('del_state', sa.SmallInteger(), nullable=False, comment='删除状态：0-未删除，1-已删除'),
    sa.Column('delete_time', sa.DateTime(), nullable=True, comment='删除时间'),
    sa.Column('create_time', sa.DateTime(), nullable=False, comment='创建时间'),
    sa.Column('update_time', sa.DateTime(), nullable=False, comment='更新时间'),
    sa.Column('version', sa.Integer(), nullable=False, comment='版本号'),
    sa.Column('client_msg_id', sa.String(length=64).with_variant(mysql.VARCHAR(collation='utf8mb4_bin', length=64), 'mariadb').with_variant(mysql.VARCHAR(collation='utf8mb4_bin', length=64), 'mysql'), nullable=True, comment="the sender's key of a retry"),
    sa.Column('change_seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False, comment="the conversation's change_seq at this message's last change"),
    sa.Column('recalled_at', sa.DateTime(), nullable=True),
    sa.Column('delivered_at', sa.DateTime(), nullable=True),
    sa.Column('read_at', sa.DateTime(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_im_message')),
    sa.UniqueConstraint('conversation_id', 'seq', name=op.f('uk_im_message_conversation_id_seq')),
    sa.UniqueConstraint('from_user_id', 'client_msg_id', name=op.f('uk_im_message_from_user_id_client_msg_id')),
    comment='消息表',
    mysql_charset='utf8mb4',
    mysql_engine='InnoDB'
    )
    op.create_table('im_message_hidden',
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('message_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.PrimaryKeyConstraint('user_id', 'message_id', name=op.f('pk_im_message_hidden')),
    comment='messages that a user deleted for himself',
    mysql_charset='utf8mb4',
    mysql_engine='InnoDB'
    )
    op.create_table('im_outbox',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('shard', sa.SmallInteger(), nullable=False),
    sa.Column('conversation_id', sa.String(length=64).with_variant(mysql.VARCHAR(collation='utf8mb4_bin', length=64), 'mariadb').with_variant(mysql.VARCHAR(collation='utf8mb4_bin', length=64), 'mysql'), nullable=False),
    sa.Column('kind', sa.SmallInteger(), nullable=False),
    sa.Column('message_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('applied', sa.Boolean(), nullable=False, comment='conversation rows have it; publish is due'),
    sa.Column('create_time', sa.DateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_im_outbox')),
    comment='transactional outbox',
    mysql_charset='utf8mb4',
    mysql_engine='InnoDB'
    )
    with op.batch_alter_table('im_outbox', schema=None) as batch_op:
        batch_op.create_index('idx_im_outbox_drain', ['shard', 'applied', 'id'], unique=False)

    op.create_table('im_outbox_shard',
    sa.Column('shard', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.PrimaryKeyConstraint('shard', name=op.f('pk_im_outbox_shard')),
    comment="the lock of a shard's drain",
    mysql_charset='utf8mb4',
    mysql_engine='InnoDB'
    )
    op.create_table('im_revoked_token',
    sa.Column('token_id', sa.String(length=64).with_variant(mysql.VARCHAR(collation='utf8mb4_bin', length=64), 'mariadb').with_variant(mysql.VARCHAR(collation='utf8mb4_bin', length=64), 'mysql'), nullable=False, comment='a jti, or a family'),
    sa.Column('expires_at', sa.DateTime(), nullable=False, comment='the last token it covers is dead by then'),
    sa.Column('create_time', sa.DateTime(), nullable=False),
    sa.PrimaryKeyConstraint('token_id', name=op.f('pk_im_revoked_token')),
    comment='revoked token ids and login families',
    mysql_charset='utf8mb4',
    mysql_engine='InnoDB'
    )
    with op.batch_alter_table('im_revoked_token', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('idx_im_revoked_token_create_time'), ['create_time'], unique=False)
        batch_op.create_index(batch_op.f('idx_im_revoked_token_expires_at'), ['expires_at'], unique=False)

    op.create_table('im_user',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('username', sa.String(length=32).with_variant(mysql.VARCHAR(collation='utf8mb4_bin', length=32), 'mariadb').with_variant(mysql.VARCHAR(collation='utf8mb4_bin', length=32), 'mysql'), nullable=False, comment='in lower case'),
    sa.Column('password_hash', sa.String(length=255), nullable=False, comment='argon2id'),
    sa.Column('nickname', sa.String(length=64), nullable=False),
    sa.Column('avatar', sa.String(length=255), nullable=False),
    sa.Column('create_time', sa.DateTime(), nullable=False),
    sa.Column('update_time', sa.DateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_im_user')),
    sa.UniqueConstraint('username', name=op.f('uk_im_user_username')),
    comment='users of the built-in directory',
    mysql_charset='utf8mb4',
    mysql_engine='InnoDB'
    )
    op.create_table('im_user_blacklist',
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False, comment='who blocks'),
    sa.Column('blocked_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('create_time', sa.DateTime(), nullable=False),
    sa.PrimaryKeyConstraint('user_id', 'blocked_id', name=op.f('pk_im_user_blacklist')),
    comment='who blocked whom',
    mysql_charset='utf8mb4',
    mysql_engine='InnoDB'
    )
    op.create_table('im_ws_ticket',
    sa.Column('ticket_hash', sa.String(length=64).with_variant(mysql.VARCHAR(collation='utf8mb4_bin', length=64), 'mariadb').with_variant(mysql.VARCHAR(collation='utf8mb4_bin', length=64), 'mysql'), nullable=False, comment='SHA-256, hexadecimal'),
    sa.Column('claims', sa.Text(), nullable=False, comment='the token that it stands for, as JSON'),
    sa.Column('expires_at', sa.DateTime(), nullable=False),
    sa.PrimaryKeyConstraint('ticket_hash', name=op.f('pk_im_ws_ticket')),
    comment='one-time WebSocket tickets',
    mysql_charset='utf8mb4',
    mysql_engine='InnoDB'
    )
    with op.batch_alter_table('im_ws_ticket', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('idx_im_ws_ticket_expires_at'), ['expires_at'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('im_ws_ticket', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('idx_im_ws_ticket_expires_at'))

    op.drop_table('im_ws_ticket')
    op.drop_table('im_user_blacklist')
    op.drop_table('im_user')
    with op.batch_alter_table('im_revoked_token', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('idx_im_revoked_token_expires_at'))
        batch_op.drop_index(batch_op.f('idx_im_revoked_token_create_time'))

    op.drop_table('im_revoked_token')
    op.drop_table('im_outbox_shard')
    with op.batch_alter_table('im_outbox', schema=None) as batch_op:
        batch_op.drop_index('idx_im_outbox_drain')

    op.drop_table('im_outbox')
    op.drop_table('im_message_hidden')
    op.drop_table('im_message')
    with op.batch_alter_table('im_login_attempt', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('idx_im_login_attempt_window_start'))

    op.drop_table('im_login_attempt')
    with op.batch_alter_table('im_friend_request', schema=None) as batch_op:
        batch_op.drop_index('idx_im_friend_request_pair')
        batch_op.drop_index('idx_im_friend_request_inbox')

    op.drop_table('im_friend_request')
    op.drop_table('im_friend')
    op.drop_table('im_conversation_head')
    with op.batch_alter_table('im_conversation', schema=None) as batch_op:
        batch_op.drop_index('idx_im_conversation_list')
        batch_op.drop_index('idx_im_conversation_backlog')

    op.drop_table('im_conversation')
